#include <algorithm>

#include "lineage/world/instructions/task.h"

namespace lineage {
namespace {

Tokens listed(std::span<const Token> list) {
  std::vector<Tokens> items;
  for (Token t : list) items.push_back({t});
  return TokenText().list(items).take();
}

std::vector<Tokens> each(std::span<const Token> list) {
  std::vector<Tokens> items;
  for (Token t : list) items.push_back({t});
  return items;
}

// F08, F10: no composition; parameter is the domain, letters or words.
ListDomain domain_of(const TaskInput& in) {
  return in.parameter == 0 ? ListDomain::letters : ListDomain::words;
}

std::optional<Task> unique(const TaskInput& in) {
  const ListOp copy{};
  auto task = draw_list_task(std::span(&copy, 1), domain_of(in), in.draw);
  std::vector<Token> list = task->list;
  list.resize(3);
  task->result = list;
  const Token twice = in.draw.pick(list);  // after the first, so that order is kept
  list.insert(list.begin() + in.draw.between(1, 3), twice);
  task->list = list;
  Tokens seen;
  for (Token t : list)
    if (std::find(seen.begin(), seen.end(), t) == seen.end()) seen.push_back(t);
  task->result = seen;
  Task out{.request = words_to_tokens(in.phrase == 0 ? "keep each unique element"
                                                     : "write the same element only 1"),
           .payload = listed(list),
           .answer = each(seen)};
  out.key = item_key("list", list);
  out.record.list = std::move(*task);
  return out;
}

std::optional<Task> interleave(const TaskInput& in) {
  const ListOp copy{};
  std::vector<Token> a = draw_list_task(std::span(&copy, 1), domain_of(in), in.draw)->list;
  std::vector<Token> b = draw_list_task(std::span(&copy, 1), domain_of(in), in.draw)->list;
  a.resize(2), b.resize(2);
  Task out{.request = words_to_tokens(in.phrase == 0 ? "interleave" : "interleave both"),
           .payload = TokenText().add(listed(a)).text(";").add(listed(b)).take(),
           .answer = each(std::vector<Token>{a[0], b[0], a[1], b[1]})};
  out.key = item_key("lists", joined({a, b}));
  return out;
}

FamilyEntry lists(Family family, std::string_view code, std::string_view name) {
  // Their generator is list_task(), which takes the operations of a type.
  return {{family, code, name, Ability::instruction, false, true, true, 3},
          &fixed_parameters<0>,
          nullptr};
}

}  // namespace

bool is_trained_list(std::span<const Token> nouns) {
  return !is_test_key(item_key("list", nouns)) ||
         !is_test_key(item_key("pluralise", listed(nouns)));
}

std::optional<Task> list_task(std::span<const ListOp> ops, ListDomain domain, const TaskInput& in) {
  auto task = draw_list_task(ops, domain, in.draw);
  if (!task) return std::nullopt;
  TokenText request;
  for (size_t i = 0; i < task->steps.size(); ++i) {
    if (i > 0) request.text("then");
    request.add(list_words(task->steps[i], in.phrase));
  }
  Task out{.request = request.take(), .payload = listed(task->list), .answer = each(task->result)};
  out.key = item_key("list", task->list);
  out.also_trained = domain == ListDomain::nouns && is_trained_list(task->list);
  out.record.list = std::move(*task);
  return out;
}

std::vector<FamilyEntry> list_families() {
  return {
      lists(Family::copy, "F01", "copy"),
      lists(Family::reverse, "F02", "reverse"),
      lists(Family::sort, "F03", "sort"),
      lists(Family::element, "F04", "element"),
      lists(Family::count, "F05", "count"),
      lists(Family::remove, "F06", "remove"),
      lists(Family::filter, "F07", "filter"),
      {{Family::unique, "F08", "unique", Ability::unseen_instruction, true, false, true},
       &fixed_parameters<2>,
       &unique},
      lists(Family::rotate, "F09", "rotate"),
      {{Family::interleave, "F10", "interleave", Ability::unseen_instruction, true, false, true},
       &fixed_parameters<2>,
       &interleave}};
}

}  // namespace lineage
