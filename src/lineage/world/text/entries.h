#pragma once

#include "lineage/world/text/generators.h"

namespace lineage {

// Lists of keys and their values: registers (with numbers or objects), codes, glossaries, prices
// (docs/abilities.md, section 3.3). A kind is one of these, as an index.
inline constexpr int kEntryKinds = 5, kNumberRegister = 0, kObjectRegister = 1;

struct Entry {
  Token key, value;
};

// Entries with different keys. Dynamic ones have values drawn for this list; otherwise each key has
// one value in this world, and frequent keys occur often.
std::vector<Entry> random_entries(const TextContext&, std::span<const Token> keys, int kind,
                                  int count, bool dynamic, Draw&);
void write_entry_opening(DocumentWriter&, int kind);
void write_entry(DocumentWriter&, int kind, const Entry&, TokenTag tag = {});
std::vector<Token> entry_prompt(int kind, const Entry&);  // up to the value

}  // namespace lineage
