#pragma once

#include "lineage/data/source.h"
#include "lineage/data/sources/licence.h"

namespace lineage {

// A tree of source files: each file is a document as it is (never unpacked). Binary files and those
// that the config's CodeFilter rejects are dropped.
class CodeSource final : public Source {
 public:
  using Source::Source;

 protected:
  void begin_file(Reader&, const InputFile&) override { taken_ = false; }
  bool read_document(Reader&, const InputFile&, RawDocument&) override;
  std::unique_ptr<ByteStream> open_file(const InputFile&) const override;
  void extract(RawDocument&) const override;

 private:
  bool taken_ = false;  // the current file
  FolderLicences licences_;
};

}  // namespace lineage
