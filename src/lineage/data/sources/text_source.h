#pragma once

#include "lineage/data/source.h"

namespace lineage {

// Plain text, packed or not: a file is one document, or many with blank lines or delimiter lines
// between them. A document that reaches max_document_bytes ends after that line (a line as long as
// that is cut between two characters) and the rest becomes the next one. A file with a zero byte in
// its first piece is binary and skipped.
class TextSource final : public Source {
 public:
  using Source::Source;

 protected:
  void begin_file(Reader&, const InputFile&) override {
    first_ = true;
    file_is_binary_ = false;
  }
  bool read_document(Reader&, const InputFile&, RawDocument&) override;
  void extract(RawDocument& document) const override { check_utf8(document); }

 private:
  bool read_piece(Reader&, RawDocument&) const;
  bool read_until_border(Reader&, RawDocument&) const;
  bool read_line(Reader&, std::string&) const;
  bool is_border(std::string_view line) const;
  bool first_ = true, file_is_binary_ = false;
};

}  // namespace lineage
