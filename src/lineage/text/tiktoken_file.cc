#include <algorithm>
#include <array>
#include <charconv>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_kind.h"
#include "lineage/base/json.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kValueOfDigit = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i)
    table[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  return table;
}();

// RFC 4648, section 4, with padding. Nothing when it is not base64.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return {};
  size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool pad = i >= text.size() - padding;
    const int8_t value = pad ? 0 : kValueOfDigit[static_cast<uint8_t>(text[i])];
    if (value < 0) return {};
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (i % 4 == 3)
      for (int shift : {16, 8, 0}) out.push_back(static_cast<char>(bits >> shift & 0xFF));
  }
  out.resize(out.size() - padding);
  return out;
}

void append_base64(std::string_view bytes, std::string& out) {
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k)
      out.push_back(i + k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=');
  }
}

struct Rank {
  std::string bytes;
  int64_t id = 0;
};

Rank parse_line(std::string_view line, const std::string& place) {
  const size_t space = std::min(line.find(' '), line.size());
  std::optional<std::string> bytes = from_base64(line.substr(0, space));
  int64_t id = -1;
  const std::string_view number = line.substr(std::min(space + 1, line.size()));
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (!bytes || bytes->empty() || number.empty() || error != std::errc{} ||
      end != number.data() + number.size() || id < 0)
    throw Error(place + ": \"" + std::string(line.substr(0, 60)) +
                    "\"; wanted the base64 of a token, a space and its rank",
                "take the file again from where it came from");
  return {std::move(*bytes), id};
}

}  // namespace

std::optional<RankFileOptions> known_rank_file(std::string_view name) {
  const SpecialToken end_of_text{50256, "<|endoftext|>"};
  if (name.starts_with("r50k") || name.starts_with("gpt2"))
    return RankFileOptions{Pattern::gpt2, {end_of_text}, 50256};
  if (name.starts_with("p50k_edit"))
    return RankFileOptions{Pattern::gpt2,
                           {end_of_text,
                            {50281, "<|fim_prefix|>"},
                            {50282, "<|fim_middle|>"},
                            {50283, "<|fim_suffix|>"}},
                           50280};
  if (name.starts_with("p50k")) return RankFileOptions{Pattern::gpt2, {end_of_text}, 50280};
  if (name.starts_with("cl100k"))
    return RankFileOptions{Pattern::cl100k,
                           {{100257, "<|endoftext|>"},
                            {100258, "<|fim_prefix|>"},
                            {100259, "<|fim_middle|>"},
                            {100260, "<|fim_suffix|>"},
                            {100276, "<|endofprompt|>"}},
                           100256};
  return {};
}

BpeModel parse_tiktoken(std::string_view text, const RankFileOptions& options,
                        const std::string& place) {
  std::vector<Rank> ranks;
  refuse_other_kinds(text, place, "ranks, one a line");
  text.remove_prefix(byte_order_mark(text));
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t stop = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, stop);
    text.remove_prefix(std::min(stop + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) ranks.push_back(parse_line(line, place + ":" + std::to_string(number)));
  }
  if (options.ranks > 0 && static_cast<int64_t>(ranks.size()) != options.ranks)
    throw Error(place + ": " + std::to_string(ranks.size()) + " ranks; wanted " +
                    std::to_string(options.ranks) + ", as its name says which file it is",
                "take the file again from where it came from, or give it another name");
  BpeModel model;
  model.pattern = options.pattern;
  model.specials = options.specials;
  model.whole_pieces = true;
  const int64_t limit = max_token_id(ranks.size());
  for (Rank& rank : ranks) {
    if (rank.id > limit)
      throw Error(place + ": the rank " + std::to_string(rank.id) + "; wanted at most " +
                      std::to_string(limit) + ", as there are " + std::to_string(ranks.size()) +
                      " tokens",
                  "take the file again from where it came from");
    const size_t id = static_cast<size_t>(rank.id);
    if (id >= model.tokens.size()) model.tokens.resize(id + 1);
    if (!model.tokens[id].empty())
      throw Error(place + ": two tokens have the rank " + std::to_string(id) + "; wanted one",
                  "take the file again from where it came from");
    model.tokens[id] = std::move(rank.bytes);
  }
  check_all_bytes(model, place);
  check_bpe_model(model, place);  // before merges are sought among the tokens
  model.merges = merges_from_ranks(model.tokens, place);
  return model;
}

std::string tiktoken_ranks(const BpeModel& model) {
  if (!model.added.empty())
    throw Error("tokenizer: the text \"" + model.added.front().text +
                    "\" is always one token; a rank file cannot hold that",
                "save it as tokenizer.json");
  // Read back, the ranks must mean the same tokenizer.
  BpeModel again = model;
  again.merges = merges_from_ranks(model.tokens, "tokenizer");
  again.whole_pieces = true;
  if (BpeTokenizer(std::move(again)).digest() != BpeTokenizer(model).digest())
    throw Error(
        "tokenizer: its merges do not follow from the order of its ids; wanted that for a rank "
        "file",
        "save it as tokenizer.json");
  std::string out;
  for (size_t id = 0; id < model.tokens.size(); ++id) {
    if (model.tokens[id].empty()) continue;
    append_base64(model.tokens[id], out);
    out += ' ' + std::to_string(id) + '\n';
  }
  return out;
}

std::shared_ptr<const Tokenizer> load_tiktoken(const fs::path& path,
                                               const RankFileOptions& options) {
  return std::make_shared<BpeTokenizer>(parse_tiktoken(read_file(path), options, path.string()),
                                        path.string());
}

}  // namespace lineage
