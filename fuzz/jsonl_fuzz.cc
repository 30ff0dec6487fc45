// Hostile bytes through the JSONL reader, unpacked where they look like gzip or zstd. The first
// byte chooses the policies. An Error is a fine answer; text that is not UTF-8 or too long is not.
#include <cstdlib>

#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/sources/jsonl_source.h"

namespace {

class MemoryJsonl final : public lineage::JsonlSource {
 public:
  MemoryJsonl(lineage::SourceConfig config, std::string_view bytes)
      : JsonlSource(std::move(config), {.files = {{.path = "fuzz", .root = "."}}}), bytes_(bytes) {}

 protected:
  std::unique_ptr<lineage::ByteStream> open_file(const lineage::InputFile&) const override {
    return lineage::stream_of(bytes_, "fuzz");
  }

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  lineage::SourceConfig config{.kind = lineage::SourceKind::jsonl, .max_document_bytes = 4096};
  config.invalid_text = static_cast<lineage::InvalidText>(data[0] % 3);
  config.bad_record = static_cast<lineage::BadRecord>(data[0] / 3 % 2);
  if (data[0] / 6 % 2) config.field = "a.0.text";
  try {
    MemoryJsonl source(config, {reinterpret_cast<const char*>(data) + 1, size - 1});
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
