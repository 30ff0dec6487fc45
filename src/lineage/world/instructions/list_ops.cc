#include "lineage/world/instructions/list_ops.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace lineage {
namespace {

using enum ListOp::Kind;

constexpr std::array<std::string_view, kCategories> kCategoryWord = {"animal", "food", "colour",
                                                                     "city"};
constexpr std::array<std::string_view, kCategories> kCategoryBlock = {"animals", "foods", "colours",
                                                                      "cities"};

bool in_category(Token item, int category) {
  const auto block = Vocabulary::get().tokens(kCategoryBlock[static_cast<size_t>(category)]);
  return std::find(block.begin(), block.end(), item) != block.end();
}

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
  return all[static_cast<size_t>(domain)];
}

bool removes(ListOp::Kind kind) { return kind == drop_first || kind == drop_last; }

// What the step names must be there. False where the operation makes no sense on this list.
bool choose_items(ListStep& step, std::span<const Token> list, ListDomain domain, Draw& draw) {
  const size_t n = list.size();
  switch (step.op.kind) {
    case replace:
    case remove: {
      if (n < 2) return false;
      step.item = draw.pick(list);
      do step.other = draw.pick(domain_items(domain));
      while (std::find(list.begin(), list.end(), step.other) != list.end());
      return true;
    }
    case second:
      return n >= 2;
    case third:
      return n >= 3;
    default:
      return n >= 1 && !(removes(step.op.kind) && n < 2);
  }
}

}  // namespace

const std::vector<ListOp>& list_ops() {
  static const std::vector<ListOp> all = [] {
    std::vector<ListOp> ops;
    for (int k = 0; k <= static_cast<int>(count_category); ++k) {
      const auto kind = static_cast<ListOp::Kind>(k);
      const bool categories = kind == keep || kind == drop_category || kind == count_category;
      for (int p = 0; p < (categories ? kCategories : 1); ++p) ops.push_back({kind, p});
    }
    return ops;
  }();
  return all;
}

int list_op_index(ListOp op) {
  const auto& all = list_ops();
  return static_cast<int>(std::find(all.begin(), all.end(), op) - all.begin());
}

std::string list_op_name(ListOp op) {
  constexpr std::array<std::string_view, 18> kNames = {
      "copy",   "reverse",      "sort",    "sort down", "drop first", "drop last",
      "rotate", "rotate right", "replace", "remove",    "keep",       "drop",
      "first",  "second",       "third",   "last",      "count",      "count"};
  std::string name(kNames[static_cast<size_t>(op.kind)]);
  if (op.kind == keep || op.kind == drop_category || op.kind == count_category)
    name += " " + std::string(kCategoryWord[static_cast<size_t>(op.parameter)]);
  return name;
}

bool on_domain(ListOp op, ListDomain domain) {
  switch (op.kind) {
    case sort:
    case sort_down:
      return domain == ListDomain::letters || domain == ListDomain::numbers;
    case keep:
    case drop_category:
    case count_category:
      return domain == ListDomain::words;
    default:
      return true;
  }
}

bool ends_list(ListOp op) { return op.kind >= first; }

std::vector<Token> apply_step(const ListStep& step, std::span<const Token> list) {
  std::vector<Token> out(list.begin(), list.end());
  const auto one = [&](size_t i) { return std::vector<Token>{list[i]}; };
  const auto number = [](long n) {
    return std::vector<Token>{Vocabulary::get().integer(static_cast<int>(n))};
  };
  const auto of_category = [&](Token t) { return in_category(t, step.op.parameter); };
  switch (step.op.kind) {
    case copy:
      break;
    case reverse:
      std::reverse(out.begin(), out.end());
      break;
    case sort:  // the ids of letters and of numbers are in order
      std::sort(out.begin(), out.end());
      break;
    case sort_down:
      std::sort(out.rbegin(), out.rend());
      break;
    case drop_first:
      out.erase(out.begin());
      break;
    case drop_last:
      out.pop_back();
      break;
    case rotate_left:
      std::rotate(out.begin(), out.begin() + 1, out.end());
      break;
    case rotate_right:
      std::rotate(out.begin(), out.end() - 1, out.end());
      break;
    case replace:
      std::replace(out.begin(), out.end(), step.item, step.other);
      break;
    case remove:
      std::erase(out, step.item);
      break;
    case keep:
      std::erase_if(out, [&](Token t) { return !of_category(t); });
      break;
    case drop_category:
      std::erase_if(out, of_category);
      break;
    case first:
      return one(0);
    case second:
      return one(1);
    case third:
      return one(2);
    case last:
      return one(list.size() - 1);
    case count:
      return number(static_cast<long>(list.size()));
    case count_category:
      return number(std::count_if(list.begin(), list.end(), of_category));
  }
  return out;
}

Tokens list_words(const ListStep& step, int phrase) {
  struct Wordings {
    std::string_view a, b;
  };
  constexpr std::array<Wordings, 18> kWordings = {{{"copy", "write again"},
                                                   {"reverse", "put in reverse order"},
                                                   {"sort", "sort from min to max"},
                                                   {"sort from max to min", "sort max before min"},
                                                   {"remove the first", "pop the first element"},
                                                   {"remove the last", "pop the last element"},
                                                   {"rotate left", "rotate to the left"},
                                                   {"rotate right", "rotate to the right"},
                                                   {"replace", "put"},
                                                   {"remove", "keep all but"},
                                                   {"keep each", "keep only the"},
                                                   {"remove each", "remove any"},
                                                   {"copy the first", "write the first element"},
                                                   {"copy element 2", "write element 2"},
                                                   {"copy element 3", "write element 3"},
                                                   {"copy the last", "write the last element"},
                                                   {"count all", "count each element"},
                                                   {"count each", "count only the"}}};
  const Wordings& w = kWordings[static_cast<size_t>(step.op.kind)];
  TokenText text(phrase == 0 ? w.a : w.b);
  switch (step.op.kind) {
    case replace:
      if (phrase == 0)
        text.token(step.item).text("with").token(step.other);
      else
        text.token(step.other).text("for").token(step.item);
      break;
    case remove:
      text.token(step.item);
      break;
    case keep:
    case drop_category:
    case count_category:
      text.text(kCategoryWord[static_cast<size_t>(step.op.parameter)]);
      break;
    default:
      break;
  }
  return text.take();
}

std::optional<ListTask> draw_list_task(std::span<const ListOp> ops, ListDomain domain, Draw& draw) {
  ListTask task{.domain = domain};
  const int n = draw.between(3, 5);
  const auto items = domain_items(domain);
  for (int i : draw.distinct(n, static_cast<int>(items.size())))
    task.list.push_back(items[static_cast<size_t>(i)]);
  if (domain == ListDomain::words) {
    // Two categories, so that filters meet their category half of the time.
    std::array<int, 2> categories = {draw.below(kCategories), draw.below(kCategories)};
    for (ListOp op : ops)
      if (op.kind == keep || op.kind == drop_category || op.kind == count_category)
        categories[0] = op.parameter;
    if (categories[0] == categories[1]) categories[1] = (categories[0] + 1) % kCategories;
    for (size_t i = 0; i < task.list.size(); ++i) {
      const auto block = Vocabulary::get().tokens(
          kCategoryBlock[static_cast<size_t>(categories[static_cast<size_t>(draw.below(2))])]);
      Token t;
      do t = block[static_cast<size_t>(draw.below(std::min(16, static_cast<int>(block.size()))))];
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
    if (ends_list(a) || a.kind == copy) continue;
    for (ListOp b : list_ops()) {
      if (b.kind == copy) continue;
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
