#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lineage/world/draw.h"
#include "lineage/world/instructions/family.h"
#include "lineage/world/token_text.h"

namespace lineage {

// Operations on short lists of one-word items, the parts of instructions and their compositions
// (docs/abilities.md, section 3.6, F01..F09).
struct ListOp {
  enum class Kind : uint8_t {  // list_ops.cc has a row for each
    copy,
    reverse,
    sort,
    sort_down,
    drop_first,
    drop_last,
    rotate_left,
    rotate_right,
    replace,
    remove,
    keep,
    drop_category,
    first,
    second,
    third,
    last,
    count,
    count_category
  };
  Kind kind = Kind::copy;
  int parameter = 0;  // the category, where the kind has one
  bool operator==(const ListOp&) const = default;
};

enum class ListDomain : uint8_t { letters, numbers, words, nouns };  // nouns have words in B too
inline constexpr int kListDomains = 4, kCategories = 4;              // of words

const std::vector<ListOp>& list_ops();  // 27; an index into it names one
int list_op_index(ListOp);
std::string list_op_name(ListOp);  // "reverse", "keep animal"
bool on_domain(ListOp, ListDomain);
bool ends_list(ListOp);     // its result is one item, so nothing can follow
bool gives_number(ListOp);  // that item is a count, not an item of the list
Family family_of(ListOp);   // of the instructions that begin with it

// An operation with the items that its instruction names.
struct ListStep {
  ListOp op;
  Token item = -1, other = -1;
};
std::vector<Token> apply_step(const ListStep&, std::span<const Token> list);
// One of two wordings: "reverse", "put in reverse order".
Tokens list_words(const ListStep&, int phrase);

// A list and one or two steps on it that leave something. Items are different.
struct ListTask {
  ListDomain domain = ListDomain::letters;
  std::vector<Token> list{};
  std::vector<ListStep> steps{};
  std::vector<Token> result{};
};
std::optional<ListTask> draw_list_task(std::span<const ListOp>, ListDomain, Draw&);

// The result of every operation, and of every pair, that fits the list: the outputs of a follower
// who does something valid at random (A09).
std::vector<std::vector<Token>> all_list_results(const ListTask&);
// The share of these that equals the right result.
double random_operation_score(const ListTask&);

}  // namespace lineage
