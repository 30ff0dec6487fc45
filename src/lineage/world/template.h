#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "lineage/world/facts.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

// The words for a slot, and the tag of their tokens.
struct Slot {
  char name;
  Phrase words;
  TokenTag tag{};
};

// A sentence with slots: "{s} was born in {v} ." A slot has one letter.
class Template {
 public:
  explicit Template(std::string_view text);
  void write(DocumentWriter&, std::initializer_list<Slot>) const;
  // The tokens up to a slot, for a prompt that the model continues there.
  std::vector<Token> tokens(std::initializer_list<Slot>, char stop = 0) const;
  // Whether only the full stop follows the slot, so that tokens(…, slot) lacks just its words.
  bool ends_with(char slot) const;
  bool has(char slot) const;

  // A token, or minus the letter of a slot.
  const std::vector<Token>& items() const { return items_; }

 private:
  std::vector<Token> items_;
};

std::vector<Template> templates(std::initializer_list<std::string_view> texts);

}  // namespace lineage
