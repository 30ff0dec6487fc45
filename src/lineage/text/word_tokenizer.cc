#include "lineage/text/word_tokenizer.h"

#include <algorithm>
#include <span>
#include <unordered_set>
#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& seen_and_wanted) {
  throw Error(place + ": " + seen_and_wanted, "correct the list of words");
}

void check_word_model(const WordModel& model, const std::string& place) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& word : model.words) {
    if (word.empty()) continue;
    if (word != "\n" && word.find_first_of(" \n") != std::string::npos)
      fail(place, "the word \"" + word + "\" has a space or line feed inside; wanted one word");
    if (!seen.insert(word).second)
      fail(place, "the word \"" + word + "\" stands there twice; wanted it once");
  }
  if (seen.empty()) fail(place, "no words; wanted at least one");
  std::unordered_set<Token> ids;
  for (const SpecialToken& special : model.specials) {
    const Token id = special.id;
    const std::string& text = special.text;
    if (text.empty()) fail(place, "a special token without text; wanted at least one character");
    if (!seen.insert(text).second)
      fail(place, "the special token \"" + text +
                      "\" is also a word or another special token; wanted one");
    if (id < 0 || id > static_cast<Token>(2 * (model.words.size() + model.specials.size()) + 1024))
      fail(place, "the special token \"" + text + "\" has the id " + std::to_string(id) +
                      "; wanted one near the others");
    const bool used = static_cast<size_t>(id) < model.words.size() && !model.words[id].empty();
    if (used || !ids.insert(id).second)
      fail(place, "the special token \"" + text + "\" shares the id " + std::to_string(id) +
                      " with another; wanted one each");
  }
  for (Token begin : model.begin_of_text)
    if (!ids.contains(begin))
      fail(place, "the token before every text has the id " + std::to_string(begin) +
                      ", which is no special token; wanted one");
  if (!model.unknown.empty() && !seen.contains(model.unknown))
    fail(place, "the word for unknown ones, \"" + model.unknown +
                    "\", is not in the vocabulary; wanted it there");
}

std::string word_digest(const WordModel& model) {
  Digest digest;
  digest.field("lineage words 1").field(model.unknown);
  std::vector<SpecialToken> specials = model.specials;
  std::sort(specials.begin(), specials.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  if (model.split != WordSplit::spaces)
    digest.field(model.split == WordSplit::whitespace ? "Whitespace" : "WhitespaceSplit");
  for (Token t : model.begin_of_text) digest.field("begin " + std::to_string(t));
  for (const SpecialToken& s : specials) {
    digest.field(std::to_string(s.id)).field(s.text);
    if (s.part) digest.field("part " + std::string(special_name(*s.part)));
  }
  digest.field("words");
  for (const std::string& word : model.words) digest.field(word);
  return digest.hex();
}

// The id of the first of these words if all are there in a row, else -1.
Token find_run(const std::vector<std::string>& words, std::span<const std::string> run) {
  const auto at = std::search(words.begin(), words.end(), run.begin(), run.end());
  return at == words.end() ? -1 : static_cast<Token>(at - words.begin());
}

std::vector<std::string> digit_words() {
  std::vector<std::string> out;
  for (char d = '0'; d <= '9'; ++d) out.push_back(std::string("<d") + d + ">");
  return out;
}

std::vector<std::string> byte_words() {
  std::vector<std::string> out = {"<byte>"};
  for (char d : std::string_view("0123456789abcdef")) out.push_back(std::string("<n") + d + ">");
  return out;
}

}  // namespace

WordModel word_model(std::vector<std::string> words, const std::vector<std::string>& specials,
                     std::string unknown) {
  WordModel model{std::move(words), {}, std::move(unknown)};
  Token next = static_cast<Token>(model.words.size());
  for (const std::string& text : specials) model.specials.push_back({next++, text});
  return model;
}

WordTokenizer::WordTokenizer(WordModel model, const std::string& place) : model_(std::move(model)) {
  check_word_model(model_, place);
  while (model_.words.back().empty()) model_.words.pop_back();
  size_t size = model_.words.size();
  for (const SpecialToken& s : model_.specials)
    size = std::max(size, static_cast<size_t>(s.id) + 1);
  model_.words.resize(size);
  texts_.assign(model_.words.begin(), model_.words.end());
  for (const SpecialToken& s : model_.specials) texts_[s.id] = s.text;
  digit_ = find_run(model_.words, digit_words());
  byte_ = find_run(model_.words, byte_words());
  for (size_t id = 0; id < model_.words.size(); ++id)
    if (const Token t = static_cast<Token>(id);
        !model_.words[id].empty() && !is_digit(t) && !is_byte(t))
      ids_.emplace(model_.words[id], t);
  newline_ = find_word("\n");
  if (!model_.unknown.empty()) unknown_ = find_word(model_.unknown);
  for (const SpecialToken& s : model_.specials)
    if (s.text == model_.unknown) unknown_ = s.id;
  set_specials(model_.specials, model_.begin_of_text);
  set_digest(word_digest(model_));
}

Token WordTokenizer::find_word(std::string_view word) const {
  const auto it = ids_.find(word);
  return it == ids_.end() ? -1 : it->second;
}

bool WordTokenizer::encode_digits(std::string_view word, std::vector<Token>& out) const {
  // Two numbers in a row would read as one; the second one is bytes then.
  const bool follows = !out.empty() && is_digit(out.back());
  if (digit_ < 0 || follows || word.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  for (char c : word) out.push_back(digit_ + (c - '0'));
  return true;
}

void WordTokenizer::encode_bytes(std::string_view word, std::vector<Token>& out) const {
  const auto add = [&](char c) {
    const int byte = static_cast<unsigned char>(c);
    out.insert(out.end(), {byte_, byte_ + 1 + byte / 16, byte_ + 1 + byte % 16});
  };
  if (!out.empty() && is_nibble(out.back())) add(' ');
  for (char c : word) add(c);
}

// The end of the word that begins at `at`; `at` itself if that character separates words.
size_t WordTokenizer::word_end(std::string_view text, size_t at) const {
  if (model_.split == WordSplit::spaces) {
    if (text[at] == ' ') return at;
    return text[at] == '\n' ? at + 1 : std::min(text.find_first_of(" \n", at), text.size());
  }
  const char *begin = text.data() + at, *end = text.data() + text.size(), *p = begin;
  const bool by_kind = model_.split == WordSplit::whitespace;
  for (bool word = false; p < end;) {
    const Char c = read_char(p, end);
    if (CharClasses::instance().of(c.code) == CharClass::space) break;
    const bool in_word = is_word_character(c.code);
    if (p == begin) word = in_word;
    if (by_kind && in_word != word) break;
    p += c.bytes;
  }
  return static_cast<size_t>(p - text.data());
}

std::vector<std::string_view> WordTokenizer::words_of(std::string_view text) const {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    const size_t stop = word_end(text, at);
    if (stop > at) words.push_back(text.substr(at, stop - at));
    at = stop > at ? stop : at + read_char(text.data() + at, text.data() + text.size()).bytes;
  }
  return words;
}

void WordTokenizer::encode_ordinary(std::string_view text, Before, std::vector<Token>& out) const {
  for (const std::string_view word : words_of(text)) {
    Token id = find_word(word);
    if (id < 0 && encode_digits(word, out)) continue;
    if (id < 0 && byte_ >= 0) {
      encode_bytes(word, out);
      continue;
    }
    if (id < 0) id = unknown_;
    if (id < 0) {
      const std::string shown = word == "\n" ? "\\n" : std::string(word);
      const std::string nearest = nearest_name(word, model_.words);
      throw Error("text: the word \"" + shown + "\" at byte " +
                      std::to_string(word.data() - text.data()) + " is not one of the " +
                      std::to_string(ids_.size()) + " words of this tokenizer; wanted one of them",
                  nearest.empty() ? "" : "did you mean \"" + nearest + "\"?");
    }
    out.push_back(id);
  }
}

void WordTokenizer::append_piece(Token previous, Token token, std::string& out) const {
  const std::string_view text = token_bytes(token);
  const bool joined = (is_digit(previous) && is_digit(token)) ||  //
                      (is_byte(previous) && is_byte(token));
  if (previous >= 0 && previous != newline_ && token != newline_ && !joined) out += ' ';
  if (is_digit(token))
    out += static_cast<char>('0' + (token - digit_));
  else if (is_nibble(token) && is_nibble(previous))
    out += static_cast<char>((previous - byte_ - 1) * 16 + (token - byte_ - 1));
  else if (!is_byte(token))
    out += text;
}

std::string_view WordTokenizer::token_bytes(Token token) const {
  if (!contains(token))
    throw Error("token " + std::to_string(token) + " is not in this tokenizer's vocabulary of " +
                    std::to_string(vocab()) + " ids; wanted one that is",
                "check that the tokens come from this tokenizer");
  return texts_[token];
}

bool WordTokenizer::contains(Token token) const {
  return token >= 0 && token < vocab() && !texts_[token].empty();
}

}  // namespace lineage
