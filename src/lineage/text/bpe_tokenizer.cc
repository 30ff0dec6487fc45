#include "lineage/text/bpe_tokenizer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/text/nfc.h"
#include "lineage/text/pattern_scan.h"
#include "lineage/text/piece_cache.h"
#include "lineage/text/unicode.h"

namespace lineage {

namespace {

// `text` with the space mark for every space, or the inverse.
std::string replaced_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t next = std::min(text.find(from, at), text.size());
    out.append(text, at, next - at);
    if (next == text.size()) break;
    out += to;
    at = next + from.size();
  }
  return out;
}

// A space mark behind another character.
bool has_inner_mark(std::string_view token) {
  while (token.starts_with(kSpaceMark)) token.remove_prefix(kSpaceMark.size());
  return token.find(kSpaceMark) != std::string_view::npos;
}

// The end of the piece at p: before the next space mark, or before the next row of them.
const char* scan_word(const char* p, const char* end, bool rows) {
  const auto at_mark = [&](const char* q) {
    return std::string_view(q, static_cast<size_t>(end - q)).starts_with(kSpaceMark);
  };
  const char* q = at_mark(p) ? p + kSpaceMark.size() : p + 1;
  while (rows && at_mark(q)) q += kSpaceMark.size();
  const std::string_view rest(q, static_cast<size_t>(end - q));
  return q + std::min(rest.find(kSpaceMark), rest.size());
}

}  // namespace

BpeTokenizer::BpeTokenizer(BpeModel model, const std::string& place) : model_(std::move(model)) {
  check_bpe_model(model_, place);
  vocab_ = model_.vocab();
  model_.tokens.resize(static_cast<size_t>(vocab_));
  byte_token_.fill(-1);
  if (model_.symbols == Symbols::characters) {
    index_characters();
  } else {
    bytes_.assign(model_.tokens.begin(), model_.tokens.end());
    for (size_t id = 0; id < model_.tokens.size(); ++id)
      if (const std::string& bytes = model_.tokens[id]; bytes.size() == 1)
        byte_token_[static_cast<uint8_t>(bytes[0])] = static_cast<Token>(id);
  }
  for (const auto* list : {&model_.specials, &model_.added})
    for (const SpecialToken& s : *list) bytes_[s.id] = s.text;

  pairs_.build(model_.merges);
  const std::vector<bool> made = tokens_that_merges_make();
  check_tokens_made(made, place);
  pieces_.build(model_.tokens, model_.whole_pieces ? std::vector<bool>(made.size(), true) : made);
  std::vector<SpecialToken> raw, normal;
  for (const SpecialToken& s : model_.added) (s.normalized ? normal : raw).push_back(s);
  for (SpecialToken& s : normal) s.text = normalized(s.text, Before::nothing);
  added_ = TextMatcher(raw);
  normalized_ = TextMatcher(normal);

  static std::atomic<uint64_t> count{0};
  serial_ = ++count;
  set_specials(model_.specials, model_.begin_of_text);
  set_digest(bpe_digest(model_));
}

void BpeTokenizer::index_characters() {
  cut_at_spaces_ = !model_.whole_pieces;
  decoded_.reserve(model_.tokens.size());
  for (size_t id = 0; id < model_.tokens.size(); ++id) {
    const std::string& text = model_.tokens[id];
    const Token token = static_cast<Token>(id);
    cut_at_spaces_ = cut_at_spaces_ && !has_inner_mark(text);
    if (const auto byte = byte_of_token(text); byte && model_.byte_fallback) {
      byte_token_[*byte] = token;
      decoded_.emplace_back(1, static_cast<char>(*byte));
      continue;
    }
    decoded_.push_back(replaced_all(text, kSpaceMark, " "));
    if (text.empty()) continue;
    const Char c = read_char(text.data(), text.data() + text.size());
    if (c.valid() && c.bytes == text.size()) character_token_.emplace(c.code, token);
  }
  bytes_.assign(decoded_.begin(), decoded_.end());
}

void BpeTokenizer::check_tokens_made(const std::vector<bool>& made, const std::string& place) {
  size_t tokens = 0, not_made = 0;
  for (size_t id = 0; id < made.size(); ++id) {
    const std::string& token = model_.tokens[id];
    if (token.empty()) continue;
    if (model_.symbols == Symbols::characters && byte_of_token(token)) continue;  // by bytes
    ++tokens;
    not_made += !made[id];
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
    if (bytes.empty() || !read_symbols(bytes, symbols)) continue;
    made[id] = apply_merges(pairs_, symbols) == 1;
  }
  return made;
}

bool BpeTokenizer::read_symbols(std::string_view text, std::vector<Token>& symbols) const {
  return model_.symbols == Symbols::bytes ? read_bytes(text, symbols)
                                          : read_characters(text, symbols);
}

bool BpeTokenizer::read_bytes(std::string_view bytes, std::vector<Token>& symbols) const {
  symbols.resize(bytes.size());
  Token all = 0;  // negative when one of them is
  for (size_t i = 0; i < bytes.size(); ++i)
    all |= symbols[i] = byte_token_[static_cast<uint8_t>(bytes[i])];
  return all >= 0;
}

bool BpeTokenizer::read_characters(std::string_view text, std::vector<Token>& symbols) const {
  symbols.clear();
  bool known = true;
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    const Char c = read_char(p, end);
    const char* next = p + c.bytes;
    const auto token = c.valid() ? character_token_.find(c.code) : character_token_.end();
    const bool all_bytes = std::all_of(
        p, next, [&](char byte) { return byte_token_[static_cast<uint8_t>(byte)] >= 0; });
    if (token != character_token_.end()) {
      symbols.push_back(token->second);
    } else if (all_bytes) {
      for (; p < next; ++p) symbols.push_back(byte_token_[static_cast<uint8_t>(*p)]);
    } else {
      symbols.push_back(-1);
      known = false;
    }
    p = next;
  }
  return known;
}

void BpeTokenizer::replace_unknown(std::vector<Token>& symbols) const {
  size_t kept = 0;
  bool fused = false;  // with the one before
  for (const Token symbol : symbols) {
    const bool lacks = symbol < 0;
    if (!lacks || (model_.unknown >= 0 && !fused))
      symbols[kept++] = lacks ? model_.unknown : symbol;
    fused = lacks && model_.fuse_unknown;
  }
  symbols.resize(kept);
}

void BpeTokenizer::merge_piece(const char* p, size_t size, std::vector<Token>& symbols) const {
  if (!read_symbols({p, size}, symbols)) [[unlikely]]
    replace_unknown(symbols);
  symbols.resize(apply_merges(pairs_, symbols));
}

template <class Scan>
[[gnu::noinline]] void BpeTokenizer::encode_pieces(std::string_view text, const Scan& scan,
                                                   std::vector<Token>& out) const {
  PieceCache& cache = PieceCache::of_this_thread(serial_);
  std::vector<Token> symbols;
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const char* begin = std::exchange(p, scan(p, end));
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

void BpeTokenizer::encode_cut(std::string_view text, std::vector<Token>& out) const {
  if (model_.symbols == Symbols::bytes)
    return with_scanner(model_.pattern, [&](auto scan) { encode_pieces(text, scan, out); });
  const bool rows = !model_.words;
  const auto scan = [&](const char* p, const char* end) {
    return rows && !cut_at_spaces_ ? end : scan_word(p, end, rows);
  };
  encode_pieces(text, scan, out);
}

bool BpeTokenizer::plain() const {
  return model_.symbols == Symbols::bytes && !model_.nfc &&
         model_.space_before.at == SpaceBefore::At::nowhere && added_.empty() &&
         normalized_.empty();
}

bool BpeTokenizer::puts_space(Before before) const {
  if (before == Before::nothing) return model_.space_before.at != SpaceBefore::At::nowhere;
  return before == Before::special && model_.space_before.at == SpaceBefore::At::segments;
}

std::string BpeTokenizer::normalized(std::string_view text, Before before) const {
  std::string out = model_.nfc && !is_surely_nfc(text) ? nfc(text) : std::string(text);
  if (!model_.space_before.normalizer) return out;
  if (puts_space(before) && !out.empty()) out.insert(0, " ");
  return replaced_all(out, " ", kSpaceMark);
}

void BpeTokenizer::encode_segment(std::string_view text, Before before,
                                  std::vector<Token>& out) const {
  const bool puts = puts_space(before) && !model_.space_before.normalizer;
  if (model_.symbols == Symbols::bytes) {
    if (!puts || text.starts_with(' ')) return encode_cut(text, out);
    return encode_cut(" " + std::string(text), out);
  }
  if (model_.space_before.normalizer) return encode_cut(text, out);
  std::string marked = replaced_all(text, " ", kSpaceMark);
  if (puts && !marked.starts_with(kSpaceMark)) marked.insert(0, kSpaceMark);
  encode_cut(marked, out);
}

void BpeTokenizer::encode_normalized(std::string_view text, Before before,
                                     std::vector<Token>& out) const {
  normalized_.split(
      text,
      [&](std::string_view segment) {
        const bool beginning = segment.data() == text.data();
        encode_segment(segment, beginning ? before : Before::special, out);
      },
      [&](Token id) { out.push_back(id); });
}

void BpeTokenizer::encode_ordinary(std::string_view text, Before before,
                                   std::vector<Token>& out) const {
  if (plain()) return encode_cut(text, out);
  const bool changes = model_.nfc || model_.space_before.normalizer;
  added_.split(
      text,
      [&](std::string_view segment) {
        const Before here = segment.data() == text.data() ? before : Before::special;
        if (changes)
          encode_normalized(normalized(segment, here), here, out);
        else
          encode_normalized(segment, here, out);
      },
      [&](Token id) { out.push_back(id); });
}

std::vector<Token> BpeTokenizer::encode_parallel(std::string_view text) const {
  constexpr size_t kBlock = 1 << 18;
  // An added token may lie across a place where pieces always part, and a space would go before
  // every block.
  if (!plain() || text.size() < 2 * kBlock) return encode(text);
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

void BpeTokenizer::append_piece(Token previous, Token token, std::string& out) const {
  std::string_view bytes = token_bytes(token);
  const SpaceBefore::Stripped stripped = model_.space_before.stripped;
  if (stripped != SpaceBefore::Stripped::none && previous < 0) {
    const size_t spaces = std::min(bytes.find_first_not_of(' '), bytes.size());
    bytes.remove_prefix(stripped == SpaceBefore::Stripped::one ? std::min(spaces, size_t{1})
                                                               : spaces);
  }
  out += bytes;
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
