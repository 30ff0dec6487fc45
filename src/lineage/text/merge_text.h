#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lineage/text/bpe_model.h"

namespace lineage {

// Reads merges in the spelling of files: tokens of bytes are written in the byte alphabet. `tokens`
// must outlive it.
class MergeReader {
 public:
  explicit MergeReader(const std::vector<std::string>& tokens, Symbols symbols = Symbols::bytes);

  // An Error that starts with `place` unless both parts and their join are tokens.
  BpeModel::Merge read(std::string_view left, std::string_view right,
                       const std::string& place) const;
  // "left right"
  BpeModel::Merge read_line(std::string_view line, const std::string& place) const;

 private:
  std::unordered_map<std::string_view, Token> ids_;
  Symbols symbols_;
};

// A token as files write it, and the inverse; nothing where a character is not in the alphabet.
std::string token_text(std::string_view token, Symbols);
std::optional<std::string> read_token_text(std::string_view text, Symbols);

// "left right"
std::string merge_line(const BpeModel& model, const BpeModel::Merge& merge);

}  // namespace lineage
