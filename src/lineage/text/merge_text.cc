#include "lineage/text/merge_text.h"

#include "lineage/base/error.h"
#include "lineage/text/byte_alphabet.h"

namespace lineage {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& seen_and_wanted) {
  throw Error(place + ": " + seen_and_wanted, "take the file again from where it came from");
}

}  // namespace

std::string token_text(std::string_view token, Symbols symbols) {
  return symbols == Symbols::bytes ? to_byte_alphabet(token) : std::string(token);
}

std::optional<std::string> read_token_text(std::string_view text, Symbols symbols) {
  if (symbols == Symbols::bytes) return from_byte_alphabet(text);
  return std::string(text);
}

MergeReader::MergeReader(const std::vector<std::string>& tokens, Symbols symbols)
    : symbols_(symbols) {
  ids_.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id)
    if (!tokens[id].empty()) ids_.emplace(tokens[id], static_cast<Token>(id));
}

BpeModel::Merge MergeReader::read(std::string_view left, std::string_view right,
                                  const std::string& place) const {
  const auto bytes_of = [&](std::string_view text) {
    const auto bytes = read_token_text(text, symbols_);
    if (!bytes || bytes->empty() || !ids_.contains(*bytes))
      fail(place,
           "\"" + std::string(text) + "\" is not in the vocabulary; wanted two tokens of it");
    return *bytes;
  };
  const std::string l = bytes_of(left), r = bytes_of(right);
  const auto result = ids_.find(l + r);
  if (result == ids_.end())
    fail(place, "\"" + std::string(left) + std::string(right) +
                    "\" is not in the vocabulary; wanted the token that this merge makes");
  return {ids_.at(l), ids_.at(r), result->second};
}

BpeModel::Merge MergeReader::read_line(std::string_view line, const std::string& place) const {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
    fail(place,
         "\"" + std::string(line.substr(0, 60)) + "\"; wanted two tokens and a space between");
  return read(line.substr(0, space), line.substr(space + 1), place);
}

std::string merge_line(const BpeModel& model, const BpeModel::Merge& merge) {
  return token_text(model.tokens[merge.left], model.symbols) + ' ' +
         token_text(model.tokens[merge.right], model.symbols);
}

}  // namespace lineage
