#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/draw.h"
#include "lineage/world/minipy/corpus/draft.h"

namespace lineage {

// A function's task: one or two operations on an integer or on a list of integers, stated in a
// docstring ("sort the list then return the sum"). A closed language of about 4,000 specs.
struct Spec {
  // Their numbers are part of the keys. spec_ops.cc defines each of them.
  enum class Op : uint8_t {
    // On an integer.
    plus,
    minus,
    times,
    from,
    remainder,
    divide,
    greater,
    lesser,
    // From a list to a list.
    reverse,
    sort,
    keep_even,
    keep_odd,
    keep_greater,
    keep_less,
    remove_value,
    each_plus,
    each_minus,
    each_times,
    first_items,
    last_items,
    drop_first,
    drop_last,
    append,
    // From a list to an integer.
    sum,
    max,
    min,
    count,
    first,
    last,
    item,
    count_value,
    count_greater,
  };
  struct Step {
    Op op;
    int constant = 0;  // where the operation has one
    bool operator==(const Step&) const = default;
  };
  std::vector<Step> steps;  // one or two

  bool of_list() const;
  uint64_t key() const;  // of the meaning; a tenth is for tests only
};

Spec draw_spec(Draw&);
// As above, on the context's side of the split.
Spec draw_spec(const CodeContext&, Draw&);

std::string docstring(const Spec&);

// A value that specs take or give: an integer, or a list of them.
struct SpecValue {
  bool is_list = false;
  int64_t integer = 0;
  std::vector<int64_t> items;
  bool operator==(const SpecValue&) const = default;
};
std::string text(const SpecValue&);  // as Python prints it: "[1, -2]"
std::string code(const SpecValue&);  // as words of a program: "[ 1 , - 2 ]"

// An argument that the spec is defined for, and the function's result for it.
SpecValue draw_argument(const Spec&, Draw&);
SpecValue apply(const Spec&, const SpecValue&);

// The function: its head, its docstring unless `plain`, and a body in one of several styles.
// `bug` in 1..3 plants one of the bugs that this body can have; nothing is added if it has none.
void add_head(const Spec&, std::string_view name, std::string_view parameter, bool plain, Draft&);
void add_body(const Spec&, std::string_view parameter, Draw&, Draft&);
bool add_buggy_body(const Spec&, std::string_view parameter, Draw&, Draft&);

}  // namespace lineage
