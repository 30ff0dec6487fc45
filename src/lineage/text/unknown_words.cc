#include "lineage/text/unknown_words.h"

#include <algorithm>
#include <unordered_set>

#include "lineage/text/word_tokenizer.h"

namespace lineage {

UnknownWords unknown_words(const Tokenizer& tokenizer, std::string_view text) {
  UnknownWords result;
  const auto* closed = dynamic_cast<const WordTokenizer*>(&tokenizer);
  if (!closed) return result;
  const std::unordered_set<std::string_view> known(closed->model().words.begin(),
                                                   closed->model().words.end());
  const bool digits = closed->find_special("<d0>") || known.contains("<d0>");
  int64_t all = 0, unknown = 0;
  for (const std::string_view word : closed->words_of(text)) {
    if (word == "\n") continue;
    ++all;
    const bool number = digits && word.find_first_not_of("0123456789") == word.npos;
    if (number || known.contains(word)) continue;
    ++unknown;
    if (std::ranges::find(result.words, word) == result.words.end())
      result.words.emplace_back(word);
  }
  if (all > 0) result.share = static_cast<double>(unknown) / static_cast<double>(all);
  return result;
}

}  // namespace lineage
