#include "lineage/data/sources/text_source.h"

#include <utility>

namespace lineage {
namespace {

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

bool TextSource::read_document(Reader& reader, const InputFile& file, RawDocument& document) {
  document.place = file.path.string();
  document.offset = reader.offset();
  if (file_is_binary_ || !(config_.split == Split::file ? read_piece(reader, document)
                                                        : read_until_border(reader, document)))
    return false;
  const bool first = std::exchange(first_, false);
  if (document.text.find('\0') != std::string::npos) {
    document.dropped = dropped::kBinary;
    file_is_binary_ = first;
  }
  return true;
}

bool TextSource::read_piece(Reader& reader, RawDocument& document) const {
  while (document.text.size() < limit() && read_line(reader, document.text)) continue;
  return !document.text.empty();
}

bool TextSource::read_until_border(Reader& reader, RawDocument& document) const {
  std::string line;
  while (document.text.size() < limit()) {
    line.clear();
    if (!read_line(reader, line)) break;
    if (!is_border(line)) {
      document.text += line;
    } else if (!document.text.empty()) {
      break;
    } else {
      document.offset = reader.offset();
    }
  }
  const bool any = !document.text.empty();
  document.text.resize(without_line_end(document.text).size());
  return any;
}

bool TextSource::read_line(Reader& reader, std::string& out) const {
  if (!reader.line(out, limit())) return false;
  for (int i = 0; i < 3 && out.back() != '\n' && (reader.peek() & ~0x3F) == 0x80; ++i)
    reader.take(out, 1);  // the line was cut: at least not inside a character
  return true;
}

bool TextSource::is_border(std::string_view line) const {
  line = without_line_end(line);
  return config_.split == Split::delimiter
             ? line == config_.delimiter
             : line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace lineage
