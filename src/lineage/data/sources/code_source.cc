#include "lineage/data/sources/code_source.h"

#include <utility>

#include "lineage/data/sources/code_filter.h"

namespace lineage {

std::unique_ptr<ByteStream> CodeSource::open_file(const InputFile& file) const {
  return open_stream(file.path, Packed::as_is);
}

bool CodeSource::read_document(Reader& reader, const InputFile& file, RawDocument& document) {
  if (std::exchange(taken_, true)) return false;
  document.place = file.path.string();
  if (reader.take(document.text, limit() + 1) == 0) return false;
  if (document.text.find('\0') != std::string::npos)
    document.dropped = dropped::kBinary;
  else if (document.text.size() > limit())
    document.dropped = dropped::kTooLarge;
  else
    document.licence = licences_.find(file.path.parent_path(), file.root);
  return true;
}

void CodeSource::extract(RawDocument& document) const {
  if (std::string own = spdx_header(document.text); !own.empty()) document.licence = std::move(own);
  const std::vector<std::string>& allowed = config_.code.licences;
  if (!allowed.empty() && !licence_allowed(document.licence, allowed)) {
    document.dropped = dropped::kLicence;
    return;
  }
  document.dropped = reason_to_drop(document.text, config_.code);
  if (document.dropped.empty()) check_utf8(document);
}

}  // namespace lineage
