#include "lineage/data/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/readable.h"
#include "lineage/data/sources/ascii.h"
#include "lineage/data/sources/code_source.h"
#include "lineage/data/sources/jsonl_source.h"
#include "lineage/data/sources/text_source.h"
#include "lineage/data/sources/warc_source.h"

namespace lineage {

void validate(const SourceConfig& config, const std::string& name) {
  const std::string at = "source " + name + ": ";
  check_ranges(config, at);
  require(config.kind != SourceKind::jsonl || !config.field.empty(), at,
          "field is empty; wanted the name of the field that holds the text");
  require(config.split != Split::delimiter || !config.delimiter.empty(), at,
          "delimiter is empty; wanted the line that stands between documents");
}

bool is_about_its_folder(const std::filesystem::path& path) {
  static constexpr std::array<std::string_view, 9> kNames = {"readme",  "license",  "licence",
                                                             "copying", "source",   "notice",
                                                             "authors", "citation", "changelog"};
  const std::string name = ascii_lower(path.filename().string());
  const std::string_view stem = std::string_view(name).substr(0, name.find('.'));
  const std::string_view end = std::string_view(name).substr(stem.size());
  return std::ranges::find(kNames, stem) != kNames.end() &&
         (end.empty() || end.ends_with(".txt") || end.ends_with(".md") || end.ends_with(".rst"));
}

Source::Source(SourceConfig config, FileList files)
    : config_(std::move(config)), list_(std::move(files)) {
  for (const InputFile& file : list_.files) total_ += file.size;
}

bool Source::read(RawDocument& document) {
  for (;;) {
    document = {};
    if (reader_.open()) {
      const InputFile& file = list_.files[next_ - 1];
      if (read_document(reader_, file, document)) {
        document.about = is_about_its_folder(file.path);
        return true;
      }
      done_ += file.size;
      reader_ = {};
    }
    if (next_ == list_.files.size()) return false;
    if (!open_next(document)) return true;
  }
}

// False for a file of an unreadable kind: the document then has the reason.
bool Source::open_next(RawDocument& document) {
  const InputFile& file = list_.files[next_++];
  reader_ = Reader(open_file(file));
  const std::string_view head = reader_.peek_bytes(kFileKindBytes);
  const FileKind kind = file_kind(head);
  if (!readable(config_.kind, head)) {
    // A file with the name of JSON lines or WARC is meant, wherever it was found.
    const bool meant = config_.kind == SourceKind::jsonl || config_.kind == SourceKind::warc;
    if (meant && config_.bad_record == BadRecord::error)
      throw unreadable(config_.kind, file.path, kind);
    document.place = file.path.string();
    document.dropped = reason_of(kind);
    done_ += file.size;
    reader_ = {};
    return false;
  }
  if (config_.kind == SourceKind::text && kind != FileKind::text && kind != FileKind::empty)
    ++notes_[fmt::format("{}, read as plain text", reason_of(kind))];
  reader_.skip(byte_order_mark(head));
  begin_file(reader_, file);
  return true;
}

std::unique_ptr<ByteStream> Source::open_file(const InputFile& file) const {
  return open_stream(file.path);
}

void Source::refine(RawDocument& document) const {
  if (document.dropped.empty()) extract(document);
  document.text.erase(0, byte_order_mark(document.text));
  if (document.dropped.empty() &&
      document.text.find_first_not_of(" \t\r\n\v\f") == std::string::npos)
    document.dropped = dropped::kEmpty;
}

void Source::check_utf8(RawDocument& document) const {
  switch (apply(config_.invalid_text, document.text, document.place, document.offset)) {
    case TextState::valid:
      break;
    case TextState::repaired:
      document.repaired = true;
      break;
    case TextState::unwanted:
      document.dropped = dropped::kInvalidText;
  }
}

double Source::fraction() const {
  const int64_t now = done_ + (reader_.open() ? reader_.consumed() : 0);
  return total_ > 0 ? std::min(1.0, static_cast<double>(now) / static_cast<double>(total_)) : 1;
}

std::unique_ptr<Source> open_source(const SourceConfig& config, const std::string& name) {
  validate(config, name);
  FileList files = list_files(config, name);
  switch (config.kind) {
    case SourceKind::text:
      return std::make_unique<TextSource>(config, std::move(files));
    case SourceKind::code:
      return std::make_unique<CodeSource>(config, std::move(files));
    case SourceKind::jsonl:
      return std::make_unique<JsonlSource>(config, std::move(files));
    case SourceKind::warc:
      return std::make_unique<WarcSource>(config, std::move(files));
  }
  throw Error("source " + name + ": unknown kind");
}

}  // namespace lineage
