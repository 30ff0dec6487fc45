#include "lineage/text/bpe_tokenizer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/pattern_scan.h"
#include "lineage/text/piece_cache.h"

namespace lineage {

BpeTokenizer::BpeTokenizer(BpeModel model, const std::string& place) : model_(std::move(model)) {
  check_bpe_model(model_, place);
  vocab_ = model_.vocab();
  model_.tokens.resize(static_cast<size_t>(vocab_));
  bytes_.assign(model_.tokens.begin(), model_.tokens.end());
  for (const auto* list : {&model_.specials, &model_.added})
    for (const SpecialToken& s : *list) bytes_[s.id] = s.text;
  byte_token_.fill(-1);
  for (size_t id = 0; id < model_.tokens.size(); ++id)
    if (const std::string& bytes = model_.tokens[id]; bytes.size() == 1)
      byte_token_[static_cast<uint8_t>(bytes[0])] = static_cast<Token>(id);

  pairs_.build(model_.merges);
  const std::vector<bool> made = tokens_that_merges_make();
  check_tokens_made(made, place);
  pieces_.build(model_.tokens, model_.whole_pieces ? std::vector<bool>(made.size(), true) : made);
  added_ = TextMatcher(model_.added);

  static std::atomic<uint64_t> count{0};
  serial_ = ++count;
  set_specials(model_.specials, model_.begin_of_text);
  set_digest(bpe_digest(model_));
}

void BpeTokenizer::check_tokens_made(const std::vector<bool>& made, const std::string& place) {
  size_t tokens = 0, not_made = 0;
  for (size_t id = 0; id < made.size(); ++id) {
    tokens += !model_.tokens[id].empty();
    not_made += !model_.tokens[id].empty() && !made[id];
  }
  if (not_made == 0) model_.whole_pieces = false;  // the rule would have no effect
  // Some files have a few that nothing makes; many mean that the merges are cut off.
  if (!model_.whole_pieces && not_made > 64 && not_made * 10 > tokens)
    throw Error(place + ": the " + std::to_string(model_.merges.size()) + " merges do not make " +
                    std::to_string(not_made) + " of the " + std::to_string(tokens) +
                    " tokens; wanted merges for nearly all",
                "the merges may be cut off: take the files again from where they came from");
}

std::vector<bool> BpeTokenizer::tokens_that_merges_make() const {
  std::vector<bool> made(model_.tokens.size());
  std::vector<Token> symbols;
  for (size_t id = 0; id < made.size(); ++id) {
    const std::string& bytes = model_.tokens[id];
    if (bytes.empty() || !read_bytes(bytes, symbols)) continue;
    made[id] = apply_merges(pairs_, symbols) == 1;
  }
  return made;
}

bool BpeTokenizer::read_bytes(std::string_view bytes, std::vector<Token>& symbols) const {
  symbols.resize(bytes.size());
  Token all = 0;  // negative when one of them is
  for (size_t i = 0; i < bytes.size(); ++i)
    all |= symbols[i] = byte_token_[static_cast<uint8_t>(bytes[i])];
  return all >= 0;
}

void BpeTokenizer::merge_piece(const char* p, size_t size, std::vector<Token>& symbols) const {
  if (!read_bytes({p, size}, symbols)) [[unlikely]] {
    const auto at = std::find(symbols.begin(), symbols.end(), -1) - symbols.begin();
    const auto lacks = std::count(byte_token_.begin(), byte_token_.end(), -1);
    throw Error(
        "text: the byte \"" + to_byte_alphabet({p + at, 1}) +
            "\" (in GPT-2's alphabet of bytes) is no token of this tokenizer, which lacks " +
            std::to_string(lacks) + " of the 256; wanted text of the bytes that it has",
        "it was trained without initial_alphabet=ByteLevel.alphabet(); train one with it");
  }
  symbols.resize(apply_merges(pairs_, symbols));
}

template <Pattern kPattern>
void BpeTokenizer::encode_pieces(std::string_view text, std::vector<Token>& out) const {
  PieceCache& cache = PieceCache::of_this_thread(serial_);
  std::vector<Token> symbols;
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const char* begin = std::exchange(p, scan_piece<kPattern>(p, end));
    const size_t size = static_cast<size_t>(p - begin);
    if (size > ShortPiece::kMaxBytes) {
      if (const Token whole = pieces_.find_long({begin, size}); whole >= 0) {
        out.push_back(whole);
      } else {
        merge_piece(begin, size, symbols);
        out.insert(out.end(), symbols.begin(), symbols.end());
      }
      continue;
    }
    const ShortPiece key = ShortPiece::read(begin, size, static_cast<size_t>(end - begin));
    const uint64_t hash = key.hash();
    if (const Token whole = pieces_.find(key, hash); whole >= 0) [[likely]] {
      out.push_back(whole);
      continue;
    }
    PieceCache::Entry& known = cache.slot(hash);
    if (known.piece == key) {
      out.insert(out.end(), known.tokens, known.tokens + known.count);
      continue;
    }
    merge_piece(begin, size, symbols);
    out.insert(out.end(), symbols.begin(), symbols.end());
    if (symbols.size() > PieceCache::kMaxTokens) continue;
    known.piece = key;
    known.count = static_cast<int32_t>(symbols.size());
    std::copy(symbols.begin(), symbols.end(), known.tokens);
  }
}

void BpeTokenizer::encode_segment(std::string_view text, std::vector<Token>& out) const {
  if (model_.pattern == Pattern::gpt2)
    encode_pieces<Pattern::gpt2>(text, out);
  else
    encode_pieces<Pattern::cl100k>(text, out);
}

void BpeTokenizer::encode_ordinary(std::string_view text, std::vector<Token>& out) const {
  if (added_.empty()) return encode_segment(text, out);
  added_.split(
      text, [&](std::string_view segment) { encode_segment(segment, out); },
      [&](Token id) { out.push_back(id); });
}

std::vector<Token> BpeTokenizer::encode_parallel(std::string_view text) const {
  constexpr size_t kBlock = 1 << 18;
  // An added token may lie across a place where pieces always part.
  if (!added_.empty() || text.size() < 2 * kBlock) return encode(text);
  std::vector<size_t> cuts{0};
  while (cuts.back() < text.size())
    cuts.push_back(safe_split(text, std::min(text.size(), cuts.back() + kBlock)));
  const int64_t blocks = static_cast<int64_t>(cuts.size()) - 1;
  std::vector<std::vector<Token>> parts(static_cast<size_t>(blocks));
  parallel_blocks(
      blocks, 1,
      [&](int64_t i, int64_t, int64_t) {
        const size_t k = static_cast<size_t>(i);
        parts[k] = encode(text.substr(cuts[k], cuts[k + 1] - cuts[k]));
      },
      true);
  size_t total = 0;
  for (const auto& part : parts) total += part.size();
  std::vector<Token> out;
  out.reserve(total);
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

void BpeTokenizer::append_piece(Token, Token token, std::string& out) const {
  out += token_bytes(token);
}

std::string_view BpeTokenizer::token_bytes(Token token) const {
  if (!contains(token))
    throw Error("token " + std::to_string(token) + " is not in this tokenizer's vocabulary of " +
                    std::to_string(vocab_) + " ids; wanted one that is",
                "check that the tokens come from this tokenizer");
  return bytes_[token];
}

bool BpeTokenizer::contains(Token token) const {
  return token >= 0 && token < vocab_ && !bytes_[token].empty();
}

}  // namespace lineage
