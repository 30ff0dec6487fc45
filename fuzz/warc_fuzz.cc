// Hostile bytes through the WARC reader: records, HTTP, chunks, HTML. An Error is a fine answer;
// text that is not UTF-8 or too long is not.
#include <cstdlib>

#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/sources/warc_source.h"

namespace {

class MemoryWarc final : public lineage::WarcSource {
 public:
  MemoryWarc(lineage::SourceConfig config, std::string_view bytes)
      : WarcSource(std::move(config), {.files = {{.path = "fuzz", .root = "."}}}), bytes_(bytes) {}

 protected:
  std::unique_ptr<lineage::ByteStream> open_file(const lineage::InputFile&) const override {
    return lineage::stream_of(bytes_, "fuzz");
  }

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lineage::SourceConfig config{.kind = lineage::SourceKind::warc, .max_document_bytes = 4096};
  try {
    MemoryWarc source(config, {reinterpret_cast<const char*>(data), size});
    for (lineage::RawDocument d; source.read(d);) {
      source.refine(d);
      if (!d.dropped.empty()) continue;
      if (lineage::first_invalid_utf8(d.text) != std::string_view::npos) std::abort();
      if (d.text.size() > 4096) std::abort();
    }
  } catch (const lineage::Error&) {
  }
  return 0;
}
