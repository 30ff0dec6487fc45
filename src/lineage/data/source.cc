#include "lineage/data/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/sources/code_source.h"
#include "lineage/data/sources/jsonl_source.h"
#include "lineage/data/sources/text_source.h"
#include "lineage/data/sources/warc_source.h"
#include "lineage/text/unicode.h"

namespace lineage {

void validate(const SourceConfig& config, const std::string& name) {
  const std::string at = "source " + name + ": ";
  require(config.weight >= 0 && config.weight < 1e12, at, "weight is ", config.weight,
          "; wanted a number of at least 0");
  require(config.heldout >= 0 && config.heldout < 1, at, "heldout is ", config.heldout,
          "; wanted a share of at least 0 and below 1");
  require(config.max_document_bytes > 0 && config.max_document_bytes <= int64_t{1} << 30, at,
          "max_document_bytes is ", config.max_document_bytes, "; wanted 1 to ", int64_t{1} << 30);
  require(config.kind != SourceKind::jsonl || !config.field.empty(), at,
          "field is empty; wanted the name of the field that holds the text");
  require(config.split != Split::delimiter || !config.delimiter.empty(), at,
          "delimiter is empty; wanted the line that stands between documents");
}

Source::Source(SourceConfig config, std::vector<InputFile> files)
    : config_(std::move(config)), files_(std::move(files)) {
  for (const InputFile& file : files_) total_ += file.size;
}

bool Source::read(RawDocument& document) {
  for (;;) {
    document = {};
    if (reader_.open()) {
      if (read_document(reader_, files_[next_ - 1], document)) return true;
      done_ += files_[next_ - 1].size;
      reader_ = {};
    }
    if (next_ == files_.size()) return false;
    reader_ = Reader(open_file(files_[next_++]));
  }
}

std::unique_ptr<ByteStream> Source::open_file(const InputFile& file) const {
  return open_stream(file.path);
}

void Source::refine(RawDocument& document) const {
  if (document.dropped.empty()) extract(document);
  if (document.dropped.empty() &&
      document.text.find_first_not_of(" \t\r\n\v\f") == std::string::npos)
    document.dropped = dropped::kEmpty;
}

void Source::check_utf8(RawDocument& document) const {
  const size_t bad = first_invalid_utf8(document.text);
  if (bad == std::string_view::npos) return;
  if (config_.invalid_text == InvalidText::replace) {
    document.text = valid_utf8(document.text);
    document.repaired = true;
    return;
  }
  if (config_.invalid_text == InvalidText::skip) {
    document.dropped = dropped::kInvalidText;
    return;
  }
  throw Error(fmt::format("{}: byte {} is 0x{:02x}, which is not UTF-8; wanted valid text",
                          document.place, document.offset + static_cast<int64_t>(bad),
                          static_cast<unsigned char>(document.text[bad])),
              "repair the file, or set invalid_text = \"replace\" or \"skip\" in this source");
}

double Source::fraction() const {
  const int64_t now = done_ + (reader_.open() ? reader_.consumed() : 0);
  return total_ > 0 ? std::min(1.0, static_cast<double>(now) / static_cast<double>(total_)) : 1;
}

std::unique_ptr<Source> open_source(const SourceConfig& config, const std::string& name) {
  validate(config, name);
  std::vector<InputFile> files = list_files(config, name);
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
