#pragma once

#include <vector>

#include "lineage/data/json_records.h"
#include "lineage/data/source.h"

namespace lineage {

// JSON records (json_records.h), packed or not; the text is in a field named by a dotted path, in
// which a number is an index of an array. A record that is not JSON, or has no string there, is an
// Error with its place (bad_record = "skip" counts it instead).
class JsonlSource : public Source {
 public:
  JsonlSource(SourceConfig config, FileList files);

 protected:
  void begin_file(Reader&, const InputFile&) override;
  bool read_document(Reader&, const InputFile&, RawDocument&) override;
  void extract(RawDocument&) const override;

 private:
  std::vector<std::string> path_;  // the field, split at its dots
  JsonRecords records_;
};

// The string at a dotted path of a JSON record. Throws an Error that begins with `place`.
std::string json_text_field(std::string_view record, const std::vector<std::string>& path,
                            const std::string& place);

}  // namespace lineage
