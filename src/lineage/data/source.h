#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/data/files.h"
#include "lineage/data/source_config.h"
#include "lineage/data/stream.h"

namespace lineage {

// Why a document was left out; these names stand in the provenance record.
namespace dropped {
inline constexpr std::string_view kBinary = "binary", kInvalidText = "invalid text",
                                  kEmpty = "empty", kTooLarge = "too large",
                                  kDuplicate = "duplicate", kBadRecord = "bad record",
                                  kGenerated = "generated", kMeanLine = "mean line too long",
                                  kLongLine = "line too long", kAlphanumeric = "few alphanumerics",
                                  kLicence = "licence", kHttpStatus = "http status",
                                  kMediaType = "media type", kCharset = "charset",
                                  kEncoding = "content encoding";
}  // namespace dropped

struct RawDocument {
  std::string text;    // as read; after refine(): valid UTF-8, what a model shall read
  std::string place;   // "data/a.txt", "data/a.jsonl:14": for errors
  int64_t offset = 0;  // of the text in its (unpacked) file
  std::string licence;
  std::string_view dropped;  // one of the reasons above; empty: kept
  bool repaired = false;     // invalid UTF-8 was replaced
  bool http = false;         // as read: the text is a whole HTTP response
};

// The documents of a list of files, in a fixed order and in constant memory. read() is for one
// thread; refine() does what costs time (parsing, extraction, filters) and may run on any number.
class Source {
 public:
  Source(SourceConfig config, std::vector<InputFile> files);
  virtual ~Source() = default;

  // The next document as it lies in the file; false at the end. A document that is seen to be
  // useless already comes with `dropped` set.
  bool read(RawDocument&);
  // Turns it into text, or sets `dropped`.
  void refine(RawDocument&) const;

  double fraction() const;  // of the bytes of all files that have been read
  const std::vector<InputFile>& files() const { return files_; }

 protected:
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
  std::vector<InputFile> files_;
  size_t next_ = 0;
  Reader reader_;
  int64_t total_ = 0, done_ = 0;  // bytes
};

// A reader of the config's kind over its files; see files.h and source_config.h for the errors.
std::unique_ptr<Source> open_source(const SourceConfig&, const std::string& name);

}  // namespace lineage
