#include "lineage/world/instructions/list_ops.h"

#include <algorithm>
#include <array>

#include "lineage/base/enum_index.h"

namespace lineage {
namespace {

using Kind = ListOp::Kind;

constexpr std::array<std::string_view, kCategories> kCategoryWord = {"animal", "food", "colour",
                                                                     "city"};
constexpr std::array<std::string_view, kCategories> kCategoryBlock = {"animals", "foods", "colours",
                                                                      "cities"};

bool in_category(Token item, int category) {
  const auto block = Vocabulary::get().tokens(kCategoryBlock[category]);
  return std::ranges::find(block, item) != block.end();
}

// Everything that one kind of operation is.
struct ListOpRow {
  enum class On : uint8_t { all, ordered, categories };  // domains: ordered are letters and numbers
  enum class Gives : uint8_t { list, item, number };

  Kind kind;
  std::string_view name;
  // {item} and {other} are the items that it names, {category} its category's word.
  std::array<std::string_view, 2> wordings;
  Family family;
  void (*apply)(std::vector<Token>&, const ListStep&);
  struct Traits {
    int fewest = 1;  // items that the list must have
    Gives gives = Gives::list;
    On on = On::all;
    bool names_items = false;
  } traits;
};

using On = ListOpRow::On;
using Gives = ListOpRow::Gives;
using List = std::vector<Token>&;
using Step = const ListStep&;

bool of_category(Token t, Step s) { return in_category(t, s.op.parameter); }
Token number(long n) { return Vocabulary::get().integer(static_cast<int>(n)); }

constexpr ListOpRow row(Kind kind, std::string_view name, std::string_view wording,
                        std::string_view other_wording, Family family, ListOpRow::Traits traits,
                        void (*apply)(List, Step)) {
  return {kind, name, {wording, other_wording}, family, apply, traits};
}

using Traits = ListOpRow::Traits;
constexpr Traits fewest(int n) { return {.fewest = n}; }
constexpr Traits named() { return {.fewest = 2, .names_items = true}; }
constexpr Traits on(On domains) { return {.on = domains}; }
constexpr Traits item_of(int n) { return {.fewest = n, .gives = Gives::item}; }
constexpr Traits number_of(On domains) { return {.gives = Gives::number, .on = domains}; }

constexpr std::array kListOps = {
    row(Kind::copy, "copy", "copy", "write again", Family::copy, {}, [](List, Step) {}),
    row(Kind::reverse, "reverse", "reverse", "put in reverse order", Family::reverse, {},
        [](List a, Step) { std::ranges::reverse(a); }),
    // The ids of letters and of numbers are in order.
    row(Kind::sort, "sort", "sort", "sort from min to max", Family::sort, on(On::ordered),
        [](List a, Step) { std::ranges::sort(a); }),
    row(Kind::sort_down, "sort down", "sort from max to min", "sort max before min", Family::sort,
        on(On::ordered), [](List a, Step) { std::ranges::sort(a, std::greater()); }),
    row(Kind::drop_first, "drop first", "remove the first", "pop the first element", Family::remove,
        fewest(2), [](List a, Step) { a.erase(a.begin()); }),
    row(Kind::drop_last, "drop last", "remove the last", "pop the last element", Family::remove,
        fewest(2), [](List a, Step) { a.pop_back(); }),
    row(Kind::rotate_left, "rotate", "rotate left", "rotate to the left", Family::rotate, {},
        [](List a, Step) { std::rotate(a.begin(), a.begin() + 1, a.end()); }),
    row(Kind::rotate_right, "rotate right", "rotate right", "rotate to the right", Family::rotate,
        {}, [](List a, Step) { std::rotate(a.begin(), a.end() - 1, a.end()); }),
    row(Kind::replace, "replace", "replace {item} with {other}", "put {other} for {item}",
        Family::remove, named(), [](List a, Step s) { std::ranges::replace(a, s.item, s.other); }),
    row(Kind::remove, "remove", "remove {item}", "keep all but {item}", Family::remove, named(),
        [](List a, Step s) { std::erase(a, s.item); }),
    row(Kind::keep, "keep", "keep each {category}", "keep only the {category}", Family::filter,
        on(On::categories),
        [](List a, Step s) { std::erase_if(a, [&](Token t) { return !of_category(t, s); }); }),
    row(Kind::drop_category, "drop", "remove each {category}", "remove any {category}",
        Family::remove, on(On::categories),
        [](List a, Step s) { std::erase_if(a, [&](Token t) { return of_category(t, s); }); }),
    row(Kind::first, "first", "copy the first", "write the first element", Family::element,
        item_of(1), [](List a, Step) { a.resize(1); }),
    row(Kind::second, "second", "copy element 2", "write element 2", Family::element, item_of(2),
        [](List a, Step) { a = {a[1]}; }),
    row(Kind::third, "third", "copy element 3", "write element 3", Family::element, item_of(3),
        [](List a, Step) { a = {a[2]}; }),
    row(Kind::last, "last", "copy the last", "write the last element", Family::element, item_of(1),
        [](List a, Step) { a = {a.back()}; }),
    row(Kind::count, "count", "count all", "count each element", Family::count, number_of(On::all),
        [](List a, Step) { a = {number(std::ssize(a))}; }),
    row(Kind::count_category, "count", "count each {category}", "count only the {category}",
        Family::count, number_of(On::categories), [](List a, Step s) {
          a = {number(std::ranges::count_if(a, [&](Token t) { return of_category(t, s); }))};
        })};

constexpr bool in_order() {
  for (size_t i = 0; i < kListOps.size(); ++i)
    if (kListOps[i].kind != static_cast<Kind>(i)) return false;
  return true;
}
static_assert(in_order(), "row_of() finds a row by the number of its kind");

const ListOpRow& row_of(ListOp op) { return kListOps[enum_index(op.kind)]; }
bool has_category(ListOp op) { return row_of(op).traits.on == On::categories; }

std::span<const Token> domain_items(ListDomain domain) {
  static const std::array<std::vector<Token>, kListDomains> all = [] {
    const Vocabulary& v = Vocabulary::get();
    std::array<std::vector<Token>, kListDomains> items;
    items[0].assign(v.tokens("letters").begin(), v.tokens("letters").end());
    for (int i = 0; i < 100; ++i) items[1].push_back(v.integer(i));
    for (std::string_view block : kCategoryBlock)  // sixteen of each, where there are more
      items[2].insert(
          items[2].end(), v.tokens(block).begin(),
          v.tokens(block).begin() + std::min<long>(16, static_cast<long>(v.tokens(block).size())));
    items[3] = words_to_tokens(
        "boy girl man woman child king queen friend big small old young happy sad good bad");
    return items;
  }();
  return all[enum_index(domain)];
}

// Draws the items that the step names. False where the operation makes no sense on this list.
bool choose_items(ListStep& step, std::span<const Token> list, ListDomain domain, Draw& draw) {
  const ListOpRow::Traits& traits = row_of(step.op).traits;
  if (std::ssize(list) < traits.fewest) return false;
  if (!traits.names_items) return true;
  step.item = draw.pick(list);
  do step.other = draw.pick(domain_items(domain));
  while (std::ranges::find(list, step.other) != list.end());
  return true;
}

}  // namespace

const std::vector<ListOp>& list_ops() {
  static const std::vector<ListOp> all = [] {
    std::vector<ListOp> ops;
    for (const ListOpRow& row : kListOps)
      for (int p = 0; p < (row.traits.on == On::categories ? kCategories : 1); ++p)
        ops.push_back({row.kind, p});
    return ops;
  }();
  return all;
}

int list_op_index(ListOp op) {
  const auto& all = list_ops();
  return static_cast<int>(std::find(all.begin(), all.end(), op) - all.begin());
}

std::string list_op_name(ListOp op) {
  std::string name(row_of(op).name);
  if (has_category(op)) name += " " + std::string(kCategoryWord[op.parameter]);
  return name;
}

bool on_domain(ListOp op, ListDomain domain) {
  switch (row_of(op).traits.on) {
    case On::all:
      return true;
    case On::ordered:
      return domain == ListDomain::letters || domain == ListDomain::numbers;
    case On::categories:
      return domain == ListDomain::words;
  }
  return false;
}

bool ends_list(ListOp op) { return row_of(op).traits.gives != Gives::list; }
bool gives_number(ListOp op) { return row_of(op).traits.gives == Gives::number; }
Family family_of(ListOp op) { return row_of(op).family; }

std::vector<Token> apply_step(const ListStep& step, std::span<const Token> list) {
  std::vector<Token> out(list.begin(), list.end());
  row_of(step.op).apply(out, step);
  return out;
}

Tokens list_words(const ListStep& step, int phrase) {
  TokenText text;
  for (std::string_view rest = row_of(step.op).wordings[phrase]; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word == "{item}")
      text.token(step.item);
    else if (word == "{other}")
      text.token(step.other);
    else
      text.text(word == "{category}" ? kCategoryWord[step.op.parameter] : word);
  }
  return text.take();
}

std::optional<ListTask> draw_list_task(std::span<const ListOp> ops, ListDomain domain, Draw& draw) {
  ListTask task{.domain = domain};
  const int n = draw.between(3, 5);
  const auto items = domain_items(domain);
  for (int i : draw.distinct(n, static_cast<int>(items.size()))) task.list.push_back(items[i]);
  if (domain == ListDomain::words) {
    // Two categories, so that filters meet their category half of the time.
    std::array<int, 2> chosen = {draw.below(kCategories), draw.below(kCategories)};
    for (ListOp op : ops)
      if (has_category(op)) chosen[0] = op.parameter;
    if (chosen[0] == chosen[1]) chosen[1] = (chosen[0] + 1) % kCategories;
    for (size_t i = 0; i < task.list.size(); ++i) {
      const auto block = Vocabulary::get().tokens(kCategoryBlock[chosen[draw.below(2)]]);
      Token t;
      do t = block[draw.below(std::min(16, static_cast<int>(block.size())))];
      while (std::find(task.list.begin(), task.list.begin() + static_cast<long>(i), t) !=
             task.list.begin() + static_cast<long>(i));
      task.list[i] = t;
    }
  }
  task.result = task.list;
  for (ListOp op : ops) {
    ListStep step{op};
    if (!choose_items(step, task.result, domain, draw)) return std::nullopt;
    task.result = apply_step(step, task.result);
    if (task.result.empty()) return std::nullopt;
    task.steps.push_back(step);
  }
  return task;
}

std::vector<std::vector<Token>> all_list_results(const ListTask& task) {
  // Items that an instruction would name come from a fixed draw.
  std::vector<std::vector<Token>> out;
  const auto run = [&](ListOp op, std::span<const Token> list, uint64_t salt) {
    Draw draw(Rng(salt).fold(static_cast<uint64_t>(list_op_index(op))));
    ListStep step{op};
    if (!on_domain(op, task.domain) || !choose_items(step, list, task.domain, draw))
      return std::vector<Token>{};
    return apply_step(step, list);
  };
  for (ListOp a : list_ops()) {
    const std::vector<Token> once = run(a, task.list, 1);
    if (once.empty()) continue;
    out.push_back(once);
    if (ends_list(a) || a.kind == Kind::copy) continue;
    for (ListOp b : list_ops()) {
      if (b.kind == Kind::copy) continue;
      std::vector<Token> twice = run(b, once, 2);
      if (!twice.empty()) out.push_back(std::move(twice));
    }
  }
  return out;
}

double random_operation_score(const ListTask& task) {
  const auto results = all_list_results(task);
  return static_cast<double>(std::count(results.begin(), results.end(), task.result)) /
         static_cast<double>(results.size());
}

}  // namespace lineage
