#pragma once

#include <vector>

#include "lineage/data/source.h"

namespace lineage {

// One JSON value a line, packed or not; the text stands in a field named by a dotted path, in which
// a number is an index of an array. A line that is no JSON, or has no string there, is an Error
// with its place (bad_record = "skip" counts it instead). Blank lines are passed over.
class JsonlSource : public Source {
 public:
  JsonlSource(SourceConfig config, std::vector<InputFile> files);

 protected:
  bool read_document(Reader&, const InputFile&, RawDocument&) override;
  void extract(RawDocument&) const override;

 private:
  std::vector<std::string> path_;  // the field, split at its dots
  int64_t line_ = 0;
};

// The string at a dotted path of a line of JSON. Throws an Error that begins with `place`.
std::string json_text_field(std::string_view line, const std::vector<std::string>& path,
                            const std::string& place);

}  // namespace lineage
