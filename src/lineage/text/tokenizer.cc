#include "lineage/text/tokenizer.h"

#include <algorithm>
#include <array>

#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/text/text_matcher.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

struct Part {
  std::string_view name;
  std::array<std::string_view, 6> texts;  // empty ones are none
};

// By Special. GPT-2, OPT, Llama 3, ChatML, Phi, our own and the micro-world.
constexpr std::array<Part, 6> kParts = {{
    {"end_of_text", {"<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>"}},
    {"system", {"<|system|>", "<sys>"}},
    {"user", {"<|user|>", "<user>"}},
    {"assistant", {"<|assistant|>", "<bot>"}},
    {"end_of_turn", {"<|endofturn|>", "<|im_end|>", "<|eot_id|>", "<|end|>", "<eot>"}},
    {"pad", {"<|pad|>", "<pad>", "[PAD]", "<|finetune_right_pad_id|>"}},
}};

}  // namespace

std::span<const std::string_view> special_texts(Special part) {
  const auto& texts = kParts[enum_index(part)].texts;
  const auto end = std::find(texts.begin(), texts.end(), std::string_view{});
  return {texts.data(), static_cast<size_t>(end - texts.begin())};
}

std::string_view special_name(Special part) { return kParts[enum_index(part)].name; }

std::optional<Special> find_special_name(std::string_view name) {
  for (size_t part = 0; part < kParts.size(); ++part)
    if (kParts[part].name == name) return static_cast<Special>(part);
  return {};
}

std::optional<Special> part_of(std::string_view text) {
  for (size_t part = 0; part < kParts.size(); ++part) {
    const auto texts = special_texts(static_cast<Special>(part));
    if (std::find(texts.begin(), texts.end(), text) != texts.end())
      return static_cast<Special>(part);
  }
  return {};
}

std::vector<Token> Tokenizer::encode(std::string_view text) const {
  std::vector<Token> out;
  encode_append(text, out);
  return out;
}

void Tokenizer::encode_append(std::string_view text, std::vector<Token>& out) const {
  encode_ordinary(text, Before::nothing, out);
}

std::vector<Token> Tokenizer::encode_after(std::string_view text) const {
  std::vector<Token> out;
  encode_ordinary(text, Before::text, out);
  return out;
}

std::vector<Token> Tokenizer::encode_with_specials(std::string_view text,
                                                   std::span<const std::string> allowed) const {
  std::vector<SpecialToken> wanted;
  for (const std::string& name : allowed) {
    const std::optional<Token> id = find_special(name);
    if (!id)
      throw Error("\"" + name + "\" is no special token of this tokenizer; wanted one that is",
                  "specials() lists them");
    wanted.push_back(*std::ranges::find(specials_, *id, &SpecialToken::id));
  }
  std::vector<Token> out;
  TextMatcher(wanted).split(
      text,
      [&](std::string_view segment) {
        const bool beginning = segment.data() == text.data();
        encode_ordinary(segment, beginning ? Before::nothing : Before::special, out);
      },
      [&](Token id) { out.push_back(id); });
  return out;
}

std::vector<Token> Tokenizer::encode_with_specials(std::string_view text) const {
  std::vector<std::string> all;
  for (const SpecialToken& s : specials_) all.push_back(s.text);
  return encode_with_specials(text, all);
}

std::vector<std::vector<Token>> Tokenizer::encode_batch(
    std::span<const std::string_view> texts) const {
  std::vector<std::vector<Token>> out(texts.size());
  parallel_blocks(
      static_cast<int64_t>(texts.size()), 16,
      [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) out[i] = encode(texts[i]);
      },
      true);
  return out;
}

std::string Tokenizer::decode(std::span<const Token> tokens) const {
  std::string text;
  text.reserve(tokens.size() * 5);
  Token previous = -1;
  for (Token token : tokens) {
    append_piece(previous, token, text);
    previous = token;
  }
  return text;
}

std::vector<Token> Tokenizer::encode_from_beginning(std::string_view text) const {
  std::vector<Token> out = begin_of_text_;
  encode_append(text, out);
  return out;
}

std::vector<Token> Tokenizer::before_text() const {
  if (!begin_of_text_.empty()) return begin_of_text_;
  if (const auto end = find_special(Special::end_of_text)) return {*end};
  return {};
}

std::optional<Token> Tokenizer::find_special(Special part) const {
  for (const SpecialToken& s : specials_)
    if (s.part == part) return s.id;
  for (std::string_view text : special_texts(part))
    if (const auto id = find_special(text)) return id;
  return {};
}

Token Tokenizer::special(Special part) const {
  if (const auto id = find_special(part)) return *id;
  std::string looked;
  for (std::string_view text : special_texts(part))
    looked += (looked.empty() ? "" : ", ") + std::string(text);
  std::string has;
  for (size_t i = 0; i < specials_.size() && i < 8; ++i)
    has += (i == 0 ? "" : ", ") + specials_[i].text;
  const bool named = part == Special::end_of_text && !specials_.empty();
  throw Error("this tokenizer has no token for " + std::string(special_name(part)) +
                  "; wanted one of " + looked,
              named ? "it has " + has + (specials_.size() > 8 ? ", ..." : "") +
                          "; name the one that ends a text in tokenizer_config.json beside the "
                          "tokenizer (\"eos_token\": \"" +
                          specials_[0].text + "\") and take the tokenizer or the model in again"
                    : "train the tokenizer with that special token, or use one that has it");
}

std::optional<Token> Tokenizer::find_special(std::string_view text) const {
  for (const SpecialToken& s : specials_)
    if (s.text == text) return s.id;
  return {};
}

bool Tokenizer::is_special(Token token) const {
  const auto it = std::lower_bound(specials_.begin(), specials_.end(), token,
                                   [](const SpecialToken& s, Token t) { return s.id < t; });
  return it != specials_.end() && it->id == token;
}

void Tokenizer::set_specials(std::vector<SpecialToken> specials, std::vector<Token> begin_of_text) {
  specials_ = std::move(specials);
  std::sort(specials_.begin(), specials_.end(),
            [](const SpecialToken& a, const SpecialToken& b) { return a.id < b.id; });
  begin_of_text_ = std::move(begin_of_text);
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, Token previous)
    : tokenizer_(&tokenizer), previous_(previous) {
  const auto begin = tokenizer.begin_of_text();
  if (!begin.empty() && begin.back() == previous) previous_ = -1;
}

std::string StreamDecoder::push(Token token) {
  tokenizer_->append_piece(previous_, token, held_);
  previous_ = token;
  const size_t ready = held_.size() - unfinished_utf8(held_);
  std::string out = valid_utf8(std::string_view(held_).substr(0, ready));
  held_.erase(0, ready);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = valid_utf8(held_);
  held_.clear();
  return out;
}

}  // namespace lineage
