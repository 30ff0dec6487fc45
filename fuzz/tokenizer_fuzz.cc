// Tokenizer files: any bytes are read or refused with an Error, and what is read round-trips.
//
// The first byte chooses the form. For vocab.json + merges.txt the rest is cut at 0x01 bytes into
// the five files; '#' alone means a vocabulary of the 256 bytes, so that a mutation reaches the
// parts behind it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/json_text.h"
#include "lineage/text/tokenizer_files.h"

namespace {

using namespace lineage;

const std::string& byte_vocab_entries() {
  static const std::string entries = [] {
    std::string out;
    for (size_t i = 0; i < 256; ++i) {
      const char byte = static_cast<char>(byte_order()[i]);
      out += (i ? "," : "") + json_string(to_byte_alphabet({&byte, 1})) + ":" + std::to_string(i);
    }
    return out;
  }();
  return entries;
}

const std::string& byte_ranks() {
  static const std::string ranks = [] {
    BpeModel model;
    for (uint8_t byte : byte_order()) model.tokens.emplace_back(1, static_cast<char>(byte));
    return tiktoken_ranks(model);
  }();
  return ranks;
}

// Replaces every "#" by text too long to find by chance.
std::string expanded(std::string_view text, const std::string& with) {
  std::string out;
  int left = 2;
  for (char c : text)
    if (c == '#' && left-- > 0)
      out += with;
    else
      out += c;
  return out;
}

void check(bool ok) {
  if (!ok) std::abort();
}

// Whether decoding restores every text.
bool keeps_text(const BpeModel& model) {
  bool all_bytes = true;
  for (int byte = 0; byte < 256; ++byte)
    all_bytes = all_bytes && std::ranges::any_of(model.tokens, [&](const std::string& t) {
                  return t.size() == 1 && static_cast<uint8_t>(t[0]) == byte;
                });
  const auto strips = [](const SpecialToken& s) { return s.lstrip || s.rstrip; };
  return model.symbols == Symbols::bytes && all_bytes && !model.nfc &&
         model.space_before == SpaceBefore{} && std::ranges::none_of(model.added, strips);
}

void use(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<Token> tokens = tokenizer.encode(text);
  const auto* bpe = dynamic_cast<const BpeTokenizer*>(&tokenizer);
  const Token unknown = bpe ? bpe->model().unknown : -1;
  for (Token t : tokens)
    check(tokenizer.contains(t) && (!tokenizer.is_special(t) || t == unknown || !bpe));
  if (bpe && keeps_text(bpe->model())) check(tokenizer.decode(tokens) == text);
  const std::vector<Token> all = tokenizer.encode_with_specials(text);
  StreamDecoder stream(tokenizer);
  for (Token t : all) stream.push(t);
  stream.finish();
}

void use_bpe(BpeModel model, std::string_view text) {
  const BpeTokenizer tokenizer(std::move(model));
  use(tokenizer, text);
  std::string json;
  try {
    json = huggingface_json(tokenizer.model());
  } catch (const Error&) {
    return;  // special tokens that JSON cannot hold
  }
  check(parse_huggingface(json, "again")->digest() == tokenizer.digest());
}

// A tokenizer.json, and the same written by us.
void use_file(std::string_view json, std::string_view text) {
  const auto tokenizer = parse_huggingface(json, "fuzz");
  use(*tokenizer, text);
  if (const auto* bpe = dynamic_cast<const BpeTokenizer*>(tokenizer.get()))
    use_bpe(bpe->model(), text);
}

void read_gpt2(std::string_view text) {
  Gpt2Files files;
  std::string* parts[] = {&files.vocab_json, &files.merges_txt, &files.added_tokens_json,
                          &files.special_tokens_map_json, &files.tokenizer_config_json};
  size_t part = 0;
  for (char c : text) {
    if (c == '\x01' && part < 4)
      ++part;
    else
      *parts[part] += c;
  }
  files.vocab_json = expanded(files.vocab_json, byte_vocab_entries());
  use_bpe(parse_gpt2(files), text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        use_file(expanded(text, byte_vocab_entries()), text);
        break;
      case 1:
        read_gpt2(text);
        break;
      case 2: {
        const RankFileOptions options{
            data[0] & 4 ? Pattern::cl100k : Pattern::gpt2, {{1000, "<|endoftext|>"}}, 0};
        use_bpe(parse_tiktoken(expanded(text, byte_ranks()), options, "fuzz"), text);
        break;
      }
      default:
        use_file(text, text);
    }
  } catch (const lineage::Error&) {
  }
  return 0;
}
