#include "lineage/world/template.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>

namespace lineage {
namespace {

const Slot& find_slot(std::initializer_list<Slot> slots, char name) {
  for (const Slot& slot : slots)
    if (slot.name == name) return slot;
  throw std::logic_error(std::string("template: nothing for slot ") + name);
}

}  // namespace

Template::Template(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t stop = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, stop - at);
    if (word.size() == 3 && word[0] == '{' && word[2] == '}')
      items_.push_back(-word[1]);
    else if (!word.empty())
      items_.push_back(Vocabulary::get().token(word));
    at = stop + 1;
  }
}

void Template::write(DocumentWriter& out, std::initializer_list<Slot> slots) const {
  for (Token item : items_) {
    if (item >= 0) {
      out.token(item);
      continue;
    }
    const Slot& slot = find_slot(slots, static_cast<char>(-item));
    for (Token t : slot.words) out.token(t, slot.tag);
  }
}

std::vector<Token> Template::tokens(std::initializer_list<Slot> slots, char stop) const {
  std::vector<Token> out;
  for (Token item : items_) {
    if (item >= 0) {
      out.push_back(item);
      continue;
    }
    const char name = static_cast<char>(-item);
    if (name == stop) break;
    const Phrase& words = find_slot(slots, name).words;
    out.insert(out.end(), words.begin(), words.end());
  }
  return out;
}

std::vector<Template> templates(std::initializer_list<std::string_view> texts) {
  std::vector<Template> out;
  for (std::string_view text : texts) out.emplace_back(text);
  return out;
}

bool Template::ends_with(char slot) const {
  return items_.size() > 1 && items_[items_.size() - 2] == -slot;
}

bool Template::has(char slot) const {
  return std::find(items_.begin(), items_.end(), -slot) != items_.end();
}

}  // namespace lineage
