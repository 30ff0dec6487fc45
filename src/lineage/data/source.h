#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/data/files.h"
#include "lineage/data/source_config.h"
#include "lineage/data/stream.h"

namespace lineage {

// Reasons for leaving out a document, as named in the provenance record.
namespace dropped {
inline constexpr std::string_view kBinary = "binary", kInvalidText = "invalid text",
                                  kEmpty = "empty", kTooLarge = "too large",
                                  kDuplicate = "duplicate", kBadRecord = "bad record",
                                  kGenerated = "generated", kMeanLine = "mean line too long",
                                  kLongLine = "line too long", kAlphanumeric = "few alphanumerics",
                                  kLicence = "licence", kHttpStatus = "http status",
                                  kMediaType = "media type", kCharset = "charset",
                                  kEncoding = "content encoding", kToolTurns = "tool turns",
                                  kTie = "tie", kPromptTooLong = "prompt too long";
}  // namespace dropped

struct RawDocument {
  std::string text;    // as read; after refine(): valid UTF-8 for the model to read
  std::string place;   // "data/a.txt", "data/a.jsonl:14": for errors
  int64_t offset = 0;  // of the text in its (unpacked) file
  std::string licence;
  std::string_view dropped;  // one of the reasons above; empty: kept
  bool repaired = false;     // invalid UTF-8 was replaced
  bool http = false;         // as read: the text is a whole HTTP response
  bool about = false;        // from a file that describes its folder: README, LICENSE, SOURCE
};

// The documents of a list of files, in a fixed order and in constant memory. read() is for one
// thread; refine() does the slow work (parsing, extraction, filters) and may run on any number. A
// file in a folder that the reader cannot read (readable.h) is one dropped document, or an Error if
// its name ends as JSON lines or WARC do. A byte-order mark is not text.
class Source {
 public:
  Source(SourceConfig config, FileList files);
  virtual ~Source() = default;

  // The next document as in the file; false at the end. For one that is already known to be useless
  // `dropped` is set.
  bool read(RawDocument&);
  // Turns it into text, or sets `dropped`.
  void refine(RawDocument&) const;

  double fraction() const;  // of the bytes of all files that have been read
  const std::vector<InputFile>& files() const { return list_.files; }
  // Remarks for the provenance on the files read so far, with the number of files for each.
  const std::map<std::string, int64_t>& notes() const { return notes_; }

 protected:
  // Called before the first document of a file, with the reader behind the byte-order mark.
  virtual void begin_file(Reader&, const InputFile&) {}
  // One document from the current file; false at the file's end.
  virtual bool read_document(Reader&, const InputFile&, RawDocument&) = 0;
  virtual std::unique_ptr<ByteStream> open_file(const InputFile&) const;
  virtual void extract(RawDocument&) const {}
  // By the policy of the config: repairs, drops, or throws with the byte's offset.
  void check_utf8(RawDocument&) const;
  // A document longer than the config allows is dropped.
  size_t limit() const { return static_cast<size_t>(config_.max_document_bytes); }

  SourceConfig config_;

 private:
  bool open_next(RawDocument&);

  FileList list_;
  std::map<std::string, int64_t> notes_;
  size_t next_ = 0;
  Reader reader_;
  int64_t total_ = 0, done_ = 0;  // bytes
};

// Whether a file describes its folder and is no text of a corpus: README.md, LICENSE, SOURCE.txt …
bool is_about_its_folder(const std::filesystem::path&);

// A reader of the config's kind over its files; see files.h and source_config.h for the errors.
std::unique_ptr<Source> open_source(const SourceConfig&, const std::string& name);

}  // namespace lineage
