#include "lineage/text/unknown_words.h"

#include <algorithm>
#include <unordered_set>

#include "lineage/base/config.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

// A tokenizer as a closed vocabulary, if it is one.
class ClosedVocabulary {
 public:
  explicit ClosedVocabulary(const Tokenizer& tokenizer)
      : words_(dynamic_cast<const WordTokenizer*>(&tokenizer)) {
    if (!words_) return;
    known_.insert(words_->model().words.begin(), words_->model().words.end());
    digits_ = known_.contains("<d0>");
  }

  // The words of a text; none for a tokenizer that accepts any text.
  std::vector<std::string_view> words_of(std::string_view text) const {
    return words_ ? words_->words_of(text) : std::vector<std::string_view>{};
  }
  bool knows(std::string_view word) const {
    const bool number = digits_ && word.find_first_not_of("0123456789") == word.npos;
    return word == "\n" || number || known_.contains(word);
  }
  // The words that people write: those of the form <…> stand for parts of others.
  std::vector<std::string> plain_words() const {
    std::vector<std::string> words;
    if (!words_) return words;
    for (const std::string& word : words_->model().words)
      if (!word.empty() && !(word.size() > 2 && word.front() == '<' && word.back() == '>'))
        words.push_back(word);
    return words;
  }

 private:
  const WordTokenizer* words_;
  std::unordered_set<std::string_view> known_;
  bool digits_ = false;
};

bool in_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// In lower case (of ASCII), its punctuation apart: "What's" gives what ' s.
std::vector<std::string> parts_of(std::string_view word) {
  std::vector<std::string> parts;
  for (char c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (parts.empty() || !in_word(c) || !in_word(parts.back().back())) parts.emplace_back();
    parts.back() += c;
  }
  return parts;
}

}  // namespace

std::optional<std::vector<std::string>> closed_vocabulary(const Tokenizer& tokenizer) {
  const auto* words = dynamic_cast<const WordTokenizer*>(&tokenizer);
  if (!words) return {};
  return words->model().words;
}

UnknownWords unknown_words(const Tokenizer& tokenizer, std::string_view text) {
  UnknownWords result;
  const ClosedVocabulary vocabulary(tokenizer);
  int64_t all = 0, unknown = 0;
  for (const std::string_view word : vocabulary.words_of(text)) {
    if (word == "\n") continue;
    ++all;
    if (vocabulary.knows(word)) continue;
    ++unknown;
    if (std::ranges::find(result.words, word) == result.words.end())
      result.words.emplace_back(word);
  }
  if (all > 0) result.share = static_cast<double>(unknown) / static_cast<double>(all);
  return result;
}

std::string mark_unknown_words(const Tokenizer& tokenizer, std::string_view text,
                               std::string_view before, std::string_view behind) {
  const ClosedVocabulary vocabulary(tokenizer);
  std::string marked;
  size_t done = 0;
  for (const std::string_view word : vocabulary.words_of(text)) {
    if (vocabulary.knows(word)) continue;
    const auto at = static_cast<size_t>(word.data() - text.data());
    marked.append(text.substr(done, at - done)).append(before).append(word).append(behind);
    done = at + word.size();
  }
  return marked.append(text.substr(done));
}

std::string nearest_known(const Tokenizer& tokenizer, std::string_view word) {
  const ClosedVocabulary vocabulary(tokenizer);
  const std::vector<std::string> known = vocabulary.plain_words();
  std::string spelled;
  for (const std::string& part : parts_of(word)) {
    std::string as = part;
    if (!vocabulary.knows(part)) as = part.size() > 1 ? nearest_name(part, known) : "";
    if (as.empty()) return "";  // all words of one letter are as near to another one
    spelled += (spelled.empty() ? "" : " ") + as;
  }
  return spelled;
}

std::string listed_unknown_words(const Tokenizer& tokenizer, const UnknownWords& unknown) {
  constexpr size_t kShown = 8;
  std::string shown;
  for (size_t i = 0; i < std::min(unknown.words.size(), kShown); ++i) {
    shown += (i ? ", \"" : "\"") + unknown.words[i] + "\"";
    if (const std::string near = nearest_known(tokenizer, unknown.words[i]); !near.empty())
      shown += " (nearest: \"" + near + "\")";
  }
  if (unknown.words.size() > kShown)
    shown += " and " + std::to_string(unknown.words.size() - kShown) + " more";
  return shown;
}

}  // namespace lineage
