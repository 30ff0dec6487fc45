#pragma once

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/data/source.h"
#include "lineage/text/tokenizer.h"

// Shared by the tests of this folder.
namespace lineage::testing {

// The folder of shared data, or "" where there is none.
inline fs::path shared_data() {
  const char* set = std::getenv("LINEAGE_SHARED");
  const fs::path path = fs::path(set ? set : LINEAGE_SOURCE_DIR "/../shared") / "data";
  return fs::exists(path) ? path : fs::path();
}
#define LINEAGE_NEEDS_SHARED_DATA() \
  if (::lineage::testing::shared_data().empty()) GTEST_SKIP() << "no shared data on this machine"

inline std::string gzip(std::string_view bytes) {
  z_stream z = {};
  ::deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&z, bytes.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

inline std::string zstd(std::string_view bytes) {
  std::string out(::ZSTD_compressBound(bytes.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

// Token b for byte b, 256 for end_of_text.
class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(int64_t vocab = 257) : vocab_(vocab) {
    set_specials({{256, "<|endoftext|>"}}, {});
    set_digest(digest_of("bytes " + std::to_string(vocab)));
  }
  void save(const fs::path&, TokenizerFormat) const override {}
  void append_piece(Token, Token t, std::string& out) const override {
    out += t == 256 ? "<|endoftext|>" : std::string(1, static_cast<char>(t));
  }
  std::string_view token_bytes(Token) const override { return {}; }
  bool contains(Token t) const override { return t >= 0 && t < vocab_; }
  int64_t vocab() const override { return vocab_; }

 protected:
  void encode_ordinary(std::string_view text, Before, std::vector<Token>& out) const override {
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  }

 private:
  int64_t vocab_;
};

inline std::string text_of(std::span<const Token> tokens) {
  std::string out;
  for (const Token t : tokens) out += t == 256 ? '|' : static_cast<char>(t);
  return out;
}

// All documents of a source, refined, with the dropped ones.
inline std::vector<RawDocument> read_all(const SourceConfig& config) {
  const auto source = open_source(config, "test");
  std::vector<RawDocument> out;
  for (RawDocument d; source->read(d);) {
    source->refine(d);
    out.push_back(d);
  }
  return out;
}
// "text" for a document kept, "!reason" for one dropped.
inline std::vector<std::string> summary(const std::vector<RawDocument>& documents) {
  std::vector<std::string> out;
  for (const RawDocument& d : documents)
    out.push_back(d.dropped.empty() ? d.text : "!" + std::string(d.dropped));
  return out;
}

// The text of the Error that `run` throws, "" when it throws none.
inline std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}
inline std::string hint_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.hint();
  }
  return {};
}

using Texts = std::vector<std::string>;

}  // namespace lineage::testing
