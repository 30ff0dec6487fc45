#include "lineage/world/instructions/registry.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>

#include "lineage/base/enum_index.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/language_b.h"

namespace lineage {
namespace {

// The order in which families enter as the number of types grows: the likeliest requests first. The
// first 16 make davinci-instruct-beta.
constexpr Family kOrder[] = {Family::fact,
                             Family::reverse,
                             Family::word_problem,
                             Family::filter,
                             Family::biography,
                             Family::to_b,
                             Family::summarise,
                             Family::sum,
                             Family::element,
                             Family::passage,
                             Family::stance,
                             Family::count,
                             Family::cloze,
                             Family::write_function,
                             Family::overview,
                             Family::true_false,
                             Family::copy,
                             Family::sort,
                             Family::remove,
                             Family::rotate,
                             Family::hops,
                             Family::predict_output,
                             Family::box_state,
                             Family::pluralise,
                             Family::from_b,
                             Family::paraphrase,
                             Family::constrained_sentence,
                             Family::by_date,
                             Family::explain_code,
                             Family::tool_call,
                             Family::retrieved_lines,
                             Family::inverse_fact};
static_assert(std::size(kOrder) == kFamilies - kHeldoutFamilies);

ListOp op(int index) { return list_ops()[index]; }

bool together(int a, int b) {
  if (op(a).kind == ListOp::Kind::copy || op(b).kind == ListOp::Kind::copy || a == b) return false;
  if (ends_list(op(a))) return false;
  // To keep animals and then food leaves nothing; so does to keep and then drop the same.
  using enum ListOp::Kind;
  const ListOp x = op(a), y = op(b);
  const bool same = x.parameter == y.parameter;
  if ((x.kind == keep && y.kind == keep) || (x.kind == keep && y.kind == drop_category && same) ||
      (x.kind == drop_category && y.kind == keep && same))
    return false;
  for (int d = 0; d < kListDomains; ++d)
    if (on_domain(op(a), static_cast<ListDomain>(d)) &&
        on_domain(op(b), static_cast<ListDomain>(d)))
      return true;
  return false;
}

struct Compositions {
  std::vector<Composition> trained, heldout;

  Compositions() {
    const int n = static_cast<int>(list_ops().size());
    std::vector<std::pair<uint64_t, Composition>> all;
    for (int a = 0; a < n; ++a)
      for (int b = 0; b < n; ++b)
        if (together(a, b)) all.push_back({item_key("composition", {a, b}), {a, b}});
    std::sort(all.begin(), all.end(),
              [](const auto& x, const auto& y) { return x.first < y.first; });
    // At most half of the pairs that an operation begins, or ends, are held out.
    std::map<int, std::pair<int, int>> begins, ends;  // out of how many, how many held out
    for (const auto& [key, c] : all) ++begins[c.first].first, ++ends[c.second].first;
    for (const auto& [key, c] : all) {
      auto &x = begins[c.first], &y = ends[c.second];
      const bool hold = heldout.size() < kHeldoutCompositions && 2 * (x.second + 1) <= x.first &&
                        2 * (y.second + 1) <= y.first;
      (hold ? heldout : trained).push_back(c);
      if (hold) ++x.second, ++y.second;
    }
    if (heldout.size() != kHeldoutCompositions)
      throw std::logic_error("instructions: too few compositions to hold out");
  }
};

const Compositions& compositions() {
  static const Compositions all;
  return all;
}

bool fits(AnswerFormat format, const InstructionType& type) {
  if (format == AnswerFormat::in_b)  // only these words have one in B, and numbers stay
    return type.first >= 0 && type.domain == ListDomain::nouns &&
           !gives_number(op(type.second < 0 ? type.first : type.second));
  if (format == AnswerFormat::comma)
    return type.first >= 0 && !ends_list(op(type.second < 0 ? type.first : type.second));
  return format == AnswerFormat::plain || family_info(type.family).formats;
}

// Which of a family's parameters enters first. Of problems it is the longer one of each two numbers
// of steps, with its chain.
int64_t rank_of(Family family, int parameter) {
  const auto& variants = problem_variants(family);
  if (variants.empty()) return parameter;
  const auto entering = [&](const ProblemVariant& v) {
    const int two = family == Family::hops ? v.steps : (v.steps - (v.gathering ? 2 : 1)) / 2;
    return std::tuple(v.gathering, v.level, two, -v.steps, !v.chain);
  };
  const auto rank = entering(variants.at(parameter));
  return std::ranges::count_if(variants,
                               [&](const ProblemVariant& v) { return entering(v) < rank; });
}

// A family's types: plain and single first, then formats and compositions by a keyed order.
std::vector<InstructionType> types_of(const World& world, Family family) {
  std::vector<InstructionType> plain;
  const auto add_lists = [&](int a, int b) {
    for (int d = 0; d < kListDomains; ++d) {
      const auto domain = static_cast<ListDomain>(d);
      if (on_domain(op(a), domain) && (b < 0 || on_domain(op(b), domain)))
        plain.push_back({family, 0, a, b, domain, AnswerFormat::plain});
    }
  };
  if (family_info(family).lists) {
    for (int a = 0; a < static_cast<int>(list_ops().size()); ++a)
      if (family_of(op(a)) == family) add_lists(a, -1);
    for (Composition c : trained_compositions())
      if (family_of(op(c.first)) == family) add_lists(c.first, c.second);
  } else {
    for (int p = 0; p < family_parameters(world, family); ++p)
      plain.push_back({family, p, -1, -1, ListDomain::letters, AnswerFormat::plain});
  }
  std::vector<std::pair<std::pair<int, uint64_t>, InstructionType>> ranked;
  for (const InstructionType& t : plain)
    for (int f = 0; f < kTrainedFormats; ++f) {
      InstructionType type = t;
      type.format = static_cast<AnswerFormat>(f);
      if (!fits(type.format, type)) continue;
      const bool simple = t.first >= 0 && t.second < 0 && f == 0;
      const uint64_t key = item_key("type", {static_cast<int64_t>(family), t.parameter, t.first,
                                             t.second, static_cast<int64_t>(t.domain), f});
      const bool list = t.first >= 0;
      ranked.push_back({{list     ? (simple ? 0 : 1)
                         : f == 0 ? 0
                                  : 1,
                         list || f > 0 ? key : static_cast<uint64_t>(rank_of(family, t.parameter))},
                        type});
    }
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& x, const auto& y) { return x.first < y.first; });
  std::vector<InstructionType> out;
  for (auto& [rank, type] : ranked) out.push_back(type);
  return out;
}

}  // namespace

std::string composition_name(Composition c) {
  return list_op_name(op(c.first)) + " then " + list_op_name(op(c.second));
}
std::span<const Composition> trained_compositions() { return compositions().trained; }
std::span<const Composition> heldout_compositions() { return compositions().heldout; }
bool is_heldout(Composition c) {
  const auto& held = compositions().heldout;
  return std::find(held.begin(), held.end(), c) != held.end();
}

std::optional<InstructionType> in_form(InstructionType t, bool chain) {
  const auto& variants = problem_variants(t.family);
  if (variants.empty() || variants.at(t.parameter).gathering) return std::nullopt;
  ProblemVariant v = variants.at(t.parameter);
  v.chain = chain;
  t.parameter = problem_parameter(t.family, v);
  return t;
}

std::string type_name(const InstructionType& t) {
  const FamilyInfo& info = family_info(t.family);
  std::string name(info.code);
  name += " ";
  if (t.first >= 0) {
    constexpr std::array<std::string_view, kListDomains> kDomain = {"letters", "numbers", "words",
                                                                    "nouns"};
    name += t.second < 0 ? list_op_name(op(t.first)) : composition_name({t.first, t.second});
    name += ", " + std::string(kDomain[enum_index(t.domain)]);
  } else {
    name += std::string(info.name) + " " + std::to_string(t.parameter);
  }
  return name + ", " + std::string(enum_name(t.format));
}

Instructions::Instructions(const World& world) : world_(&world) {
  std::vector<std::vector<InstructionType>> by_family;
  for (Family f : kOrder) by_family.push_back(types_of(world, f));
  for (size_t round = 0; types_.size() < kTrainTypes; ++round) {
    bool any = false;
    for (const auto& types : by_family)
      if (round < types.size() && types_.size() < kTrainTypes)
        types_.push_back(types[round]), any = true;
    if (!any) throw std::logic_error("instructions: fewer than 1,024 types");
  }
}

}  // namespace lineage
