#include "lineage/world/vocabulary.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "lineage/world/vocabulary_words.h"

namespace lineage {
namespace {

constexpr size_t kSlots = 4096;  // a quarter full

size_t slot_of(std::string_view word) {
  uint64_t hash = 0xCBF29CE484222325ull;  // FNV-1a
  for (char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return (hash ^ hash >> 29) % kSlots;
}

template <class Each>
void each_word(std::string_view words, const Each& each) {
  for (size_t at = 0; at < words.size();) {
    const size_t stop = std::min(words.find(' ', at), words.size());
    if (stop > at) each(words.substr(at, stop - at));
    at = stop + 1;
  }
}

}  // namespace

const Vocabulary& Vocabulary::get() {
  static const Vocabulary vocabulary;
  return vocabulary;
}

Vocabulary::Vocabulary() : table_(kSlots, -1) {
  for (int i = 0; i < 100; ++i) numbers_.push_back(std::to_string(i));
  for (int i = 0; i < 10; ++i) numbers_.push_back("<d" + std::to_string(i) + ">");
  each_word(kSpecialWords, [&](std::string_view word) { add(word); });
  const Token specials = static_cast<Token>(words_.size());
  for (const std::string& number : numbers_) add(number);
  for (const VocabularyBlock& block : kVocabularyBlocks) {
    Block& b = blocks_.emplace_back(block.name, Block{}).second;
    each_word(block.words, [&](std::string_view word) {
      const Token known = find(word);
      b.words.push_back(word);
      b.tokens.push_back(known >= 0 ? known : add(word));
    });
  }
  assert(words_.size() == kWords);

  WordModel model;
  for (size_t id = 0; id < words_.size(); ++id) {
    const bool special = static_cast<Token>(id) < specials;
    model.words.emplace_back(special ? std::string_view{} : words_[id]);
    if (special) model.specials.push_back({static_cast<Token>(id), std::string(words_[id])});
  }
  tokenizer_ = std::make_shared<const WordTokenizer>(std::move(model), "vocabulary");
}

Token Vocabulary::find(std::string_view word) const {
  size_t slot = slot_of(word);
  for (; table_[slot] >= 0; slot = (slot + 1) % kSlots)
    if (words_[table_[slot]] == word) return table_[slot];
  return -1;
}

Token Vocabulary::add(std::string_view word) {
  size_t slot = slot_of(word);
  while (table_[slot] >= 0) slot = (slot + 1) % kSlots;
  words_.push_back(word);
  return table_[slot] = static_cast<Token>(words_.size() - 1);
}

Token Vocabulary::token(std::string_view word) const {
  const Token token = find(word);
  if (token < 0)
    throw std::logic_error("vocabulary: \"" + std::string(word) + "\" is none of its words");
  return token;
}

Token Vocabulary::integer(int value) const {
  assert(0 <= value && value < 100);
  static const Token zero = token("0");
  return zero + value;
}

Token Vocabulary::digit(int value) const {
  assert(0 <= value && value < 10);
  static const Token zero = token("<d0>");
  return zero + value;
}

std::string_view Vocabulary::word(Token token) const {
  return words_.at(static_cast<size_t>(token));
}

const std::shared_ptr<const WordTokenizer>& Vocabulary::tokenizer() const { return tokenizer_; }

const Vocabulary::Block& Vocabulary::find_block(std::string_view name) const {
  for (const auto& [known, block] : blocks_)
    if (known == name) return block;
  throw std::logic_error("vocabulary: \"" + std::string(name) + "\" is none of its blocks");
}

std::span<const std::string_view> Vocabulary::block(std::string_view name) const {
  return find_block(name).words;
}

std::span<const Token> Vocabulary::tokens(std::string_view name) const {
  return find_block(name).tokens;
}

DocumentWriter::DocumentWriter(DocumentType type) : document_{type, {}, {}} {
  document_.tokens.reserve(192);
  document_.tags.reserve(192);
}

DocumentWriter& DocumentWriter::token(Token token, TokenTag tag) {
  document_.tokens.push_back(token);
  document_.tags.push_back(tag);
  return *this;
}

DocumentWriter& DocumentWriter::text(std::string_view words, TokenTag tag) {
  const Vocabulary& vocabulary = Vocabulary::get();
  each_word(words, [&](std::string_view word) { token(vocabulary.token(word), tag); });
  return *this;
}

DocumentWriter& DocumentWriter::number(int64_t value, TokenTag tag) {
  const Vocabulary& vocabulary = Vocabulary::get();
  if (value < 0) text("-", tag);
  const uint64_t size = value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  if (size < 100) return token(vocabulary.integer(static_cast<int>(size)), tag);
  for (char c : std::to_string(size)) token(vocabulary.digit(c - '0'), tag);
  return *this;
}

DocumentWriter& DocumentWriter::answer(Ability ability, std::string_view words) {
  return text(words, {ability, true});
}

Document DocumentWriter::finish() {
  token(Vocabulary::kEndOfText);
  return std::move(document_);
}

}  // namespace lineage
