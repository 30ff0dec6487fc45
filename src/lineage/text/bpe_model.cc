#include "lineage/text/bpe_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/merge_queue.h"

namespace lineage {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& seen_and_wanted) {
  throw Error(place + ": " + seen_and_wanted,
              "take the file again from where it came from, or train a tokenizer");
}

std::string shown(std::string_view bytes, Symbols symbols = Symbols::bytes) {
  if (symbols == Symbols::characters) return "\"" + std::string(bytes) + "\"";
  return std::string("\"").append(to_byte_alphabet(bytes)).append("\"");
}

void check_ids(const BpeModel& model, const std::string& place) {
  const size_t entries = static_cast<size_t>(std::count_if(
      model.tokens.begin(), model.tokens.end(), [](const auto& t) { return !t.empty(); }));
  std::unordered_set<Token> ids;
  std::unordered_set<std::string_view> texts;
  for (const auto* list : {&model.specials, &model.added}) {
    for (const SpecialToken& special : *list) {
      const Token id = special.id;
      const std::string& text = special.text;
      const std::string name = "the special token \"" + text + "\"";
      if (text.empty()) fail(place, "a special token without text; wanted at least one character");
      if (id < 0 || id > max_token_id(entries + model.specials.size() + model.added.size()))
        fail(place, name + " has the id " + std::to_string(id) + "; wanted one near the others");
      if (static_cast<size_t>(id) < model.tokens.size() && !model.tokens[id].empty())
        fail(place, name + " and the token " + shown(model.tokens[id], model.symbols) +
                        " share the id " + std::to_string(id) + "; wanted one id each");
      if (!ids.insert(id).second)
        fail(place,
             name + " shares the id " + std::to_string(id) + " with another; wanted one each");
      if (!texts.insert(text).second) fail(place, name + " stands there twice; wanted it once");
    }
  }
  for (Token begin : model.begin_of_text)
    if (!ids.contains(begin))
      fail(place, "the token before every text has the id " + std::to_string(begin) +
                      ", which is no special token; wanted one");
}

void check_token_bytes(const BpeModel& model, const std::string& place) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& bytes : model.tokens) {
    if (bytes.empty()) continue;
    if (bytes.size() > kMaxTokenBytes)
      fail(place, "a token of " + std::to_string(bytes.size()) + " bytes; wanted at most " +
                      std::to_string(kMaxTokenBytes));
    if (!seen.insert(bytes).second)
      fail(place, "the token " + shown(bytes, model.symbols) + " has two ids; wanted one");
  }
  if (seen.empty()) fail(place, "no tokens; wanted at least one");
}

uint64_t pair_key(const BpeModel::Merge& merge) {
  return static_cast<uint64_t>(merge.left) << 32 | static_cast<uint32_t>(merge.right);
}

void check_merges(const BpeModel& model, const std::string& place) {
  const auto bytes_of = [&](Token t) -> std::string_view {
    return t >= 0 && static_cast<size_t>(t) < model.tokens.size() ? model.tokens[t]
                                                                  : std::string_view{};
  };
  std::unordered_set<uint64_t> pairs;
  pairs.reserve(model.merges.size());
  for (size_t i = 0; i < model.merges.size(); ++i) {
    const auto [left, right, result] = model.merges[i];
    const std::string_view l = bytes_of(left), r = bytes_of(right);
    const std::string name = "merge " + std::to_string(i + 1);
    if (l.empty() || r.empty())
      fail(place, name + " joins a token that is not in the vocabulary; wanted both there");
    if (std::string(l).append(r) != bytes_of(result))
      fail(place, name + " (" + shown(l, model.symbols) + " " + shown(r, model.symbols) +
                      ") makes " + shown(std::string(l).append(r), model.symbols) +
                      ", which is no token; wanted it there");
    if (!pairs.insert(pair_key(model.merges[i])).second)
      fail(place, name + " (" + shown(l, model.symbols) + " " + shown(r, model.symbols) +
                      ") stands there twice; wanted it once");
  }
}

// The rules that GPT-2's tokenizer does without; its digest is older than they are.
void add_rules(const BpeModel& model, Digest& digest) {
  if (model.symbols == Symbols::characters)
    digest.field(model.words ? "characters, in words" : "characters")
        .field(model.byte_fallback ? "bytes" : "no bytes");
  const SpaceBefore& space = model.space_before;
  if (space != SpaceBefore{})
    digest.field("space " + std::to_string(enum_index(space.at)) +
                 std::to_string(space.normalizer) + std::to_string(enum_index(space.stripped)));
  if (model.nfc) digest.field("nfc");
  if (model.unknown >= 0)
    digest.field((model.fuse_unknown ? "unknown run " : "unknown ") +
                 std::to_string(model.unknown));
}

char hex_digit(int value) { return "0123456789ABCDEF"[value]; }

}  // namespace

std::optional<uint8_t> byte_of_token(std::string_view token) {
  uint8_t byte = 0;
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return {};
  const auto [stop, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  if (error != std::errc() || stop != token.data() + 5) return {};
  return byte;
}

std::string byte_token(uint8_t byte) {
  return {'<', '0', 'x', hex_digit(byte / 16), hex_digit(byte % 16), '>'};
}

int64_t BpeModel::vocab() const {
  int64_t size = static_cast<int64_t>(tokens.size());
  while (size > 0 && tokens[static_cast<size_t>(size) - 1].empty()) --size;
  for (const auto* list : {&specials, &added})
    for (const SpecialToken& s : *list) size = std::max(size, static_cast<int64_t>(s.id) + 1);
  return size;
}

void check_bpe_model(const BpeModel& model, const std::string& place) {
  check_token_bytes(model, place);
  check_ids(model, place);
  check_merges(model, place);
  if (model.unknown >= model.vocab())
    fail(place, "the token for unknown text has the id " + std::to_string(model.unknown) +
                    ", which is no token; wanted one");
}

void check_all_bytes(const BpeModel& model, const std::string& place) {
  std::array<bool, 256> present{};
  for (const std::string& bytes : model.tokens)
    if (bytes.size() == 1) present[static_cast<uint8_t>(bytes[0])] = true;
  const auto missing = std::count(present.begin(), present.end(), false);
  if (missing == 0) return;
  const char first =
      static_cast<char>(std::find(present.begin(), present.end(), false) - present.begin());
  fail(place, std::to_string(missing) + " of the 256 bytes are no tokens (the first is " +
                  shown({&first, 1}) + "); wanted all, so that any text can be encoded");
}

void drop_repeated_merges(std::vector<BpeModel::Merge>& merges) {
  std::unordered_set<uint64_t> pairs;
  pairs.reserve(merges.size());
  std::vector<BpeModel::Merge> last_first;
  for (auto merge = merges.rbegin(); merge != merges.rend(); ++merge)
    if (pairs.insert(pair_key(*merge)).second) last_first.push_back(*merge);
  if (last_first.size() < merges.size()) merges.assign(last_first.rbegin(), last_first.rend());
}

std::string bpe_digest(const BpeModel& model) {
  Digest digest;
  const auto number = [&](int64_t n) { digest.field(std::to_string(n)); };
  digest.field("lineage byte-level bpe 1").field(enum_name(model.pattern));
  add_rules(model, digest);
  number(model.whole_pieces);
  std::string begin;
  for (Token t : model.begin_of_text) begin += (begin.empty() ? "" : " ") + std::to_string(t);
  digest.field(begin.empty() ? "-1" : begin);
  for (const auto* list : {&model.specials, &model.added}) {
    std::vector<SpecialToken> sorted = *list;
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    number(static_cast<int64_t>(sorted.size()));
    for (const SpecialToken& s : sorted) {
      number(s.id);
      digest.field(s.text);
      if (s.part) digest.field("part " + std::string(special_name(*s.part)));
      if (s.lstrip) digest.field("lstrip");
      if (s.rstrip) digest.field("rstrip");
      if (s.single_word) digest.field("single_word");
      if (s.normalized) digest.field("normalized");
    }
  }
  for (size_t id = 0; id < model.tokens.size(); ++id) {
    if (model.tokens[id].empty()) continue;
    number(static_cast<int64_t>(id));
    digest.field(model.tokens[id]);
  }
  digest.field("merges");
  for (const auto& merge : model.merges) {
    number(merge.left);
    number(merge.right);
  }
  return digest.hex();
}

std::vector<BpeModel::Merge> merges_from_ranks(const std::vector<std::string>& tokens,
                                               const std::string& place) {
  std::unordered_map<std::string_view, Token> id_of;
  std::array<Token, 256> byte_id;
  byte_id.fill(-1);
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty()) continue;
    id_of.emplace(tokens[id], static_cast<Token>(id));
    if (tokens[id].size() == 1)
      byte_id[static_cast<uint8_t>(tokens[id][0])] = static_cast<Token>(id);
  }
  std::vector<BpeModel::Merge> merges;
  std::vector<Token> symbols;
  for (const std::string& bytes : tokens) {
    if (bytes.size() < 2) continue;
    symbols.clear();
    for (char c : bytes) symbols.push_back(byte_id[static_cast<uint8_t>(c)]);
    if (std::find(symbols.begin(), symbols.end(), -1) != symbols.end())
      fail(place, "the token " + shown(bytes) + " has a byte that is no token; wanted all 256");
    const size_t left =
        merge_by_queue(symbols, [&](Token, Token, size_t begin, size_t end) -> PairTable::Found {
          if (end - begin == bytes.size()) return {};
          const auto it = id_of.find(std::string_view(bytes).substr(begin, end - begin));
          if (it == id_of.end()) return {};
          return {static_cast<uint32_t>(it->second), it->second};
        });
    const Token id = static_cast<Token>(&bytes - tokens.data());
    if (left == 2) merges.push_back({symbols[0], symbols[1], id});
  }
  return merges;
}

}  // namespace lineage
