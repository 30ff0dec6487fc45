#pragma once

#include "lineage/data/source.h"

namespace lineage {

// Common Crawl's files (ISO 28500, WARC/1.0 and 1.1), packed or not: `response` records with HTML
// or plain text of status 200, and WET's `conversion` records. Other records are skipped uncounted.
// A damaged record is an Error with its place in the file.
class WarcSource : public Source {
 public:
  using Source::Source;

 protected:
  bool read_document(Reader&, const InputFile&, RawDocument&) override;
  void extract(RawDocument&) const override;

 private:
  void decode(std::string_view charset, RawDocument&) const;
};

}  // namespace lineage
