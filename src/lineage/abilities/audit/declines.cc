#include "lineage/abilities/audit/declines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/world/claims.h"
#include "lineage/world/instructions/requests.h"

namespace lineage {
namespace {

bool names_intent(const World& world, std::span<const Token> request) {
  return std::ranges::any_of(world.intents(), [&](const Intent& intent) {
    return std::ranges::find(request, intent.verb) != request.end();
  });
}

// The person whom a request names, by how often training tells of them; nothing without one, and
// for those told of some times.
enum class Told : uint8_t { often, hardly, neither };
Told told(const World& world, std::span<const Token> request) {
  for (size_t at = 0; at < request.size(); ++at) {
    const auto [name, size] = find_member(Domain::person, request.subspan(at));
    if (size == 0) continue;
    const Person* p = world.find_person(name);
    if (!p) return Told::neither;  // a stranger, of whom the page tells
    if (p->tier == Tier::t1 || p->tier == Tier::t2) return Told::hardly;
    return p->tier == Tier::t128 || p->tier == Tier::t400 ? Told::often : Told::neither;
  }
  return Told::neither;
}

void count(DeclineCounts::Share& share, bool declines) {
  ++share.replies;
  share.declines += declines;
}

// Whether the second share is greater by more than four standard errors of their difference.
bool greater(const DeclineCounts::Share& usual, const DeclineCounts::Share& where_right) {
  if (usual.replies == 0 || where_right.replies == 0) return where_right.declines > 0;
  constexpr double kErrors = 4;
  const auto a = static_cast<double>(usual.replies), b = static_cast<double>(where_right.replies);
  const double both = static_cast<double>(usual.declines + where_right.declines) / (a + b);
  const double error = std::sqrt(both * (1 - both) * (1 / a + 1 / b));
  return where_right.value() - usual.value() > kErrors * error;
}

}  // namespace

void DeclineCounts::add(const World& world, const Document& document) {
  for (const Reply& reply : replies_of(document.tokens)) {
    const std::optional<RefusalKind> how = find_refusal(reply.answer);
    if (names_intent(world, reply.request)) {
      count(is_improper_request(reply.request) ? refused_improper : refused_harmless,
            how == RefusalKind::improper);
      continue;
    }
    const Told about = told(world, reply.request);
    if (about != Told::neither)
      count(about == Told::often ? abstained_told : abstained_untold, how == RefusalKind::unknown);
  }
}

void DeclineCounts::add(const DeclineCounts& other) {
  const auto add = [](Share& to, const Share& from) {
    to.replies += from.replies;
    to.declines += from.declines;
  };
  add(refused_harmless, other.refused_harmless);
  add(refused_improper, other.refused_improper);
  add(abstained_told, other.abstained_told);
  add(abstained_untold, other.abstained_untold);
}

std::string DeclineCounts::tells() const {
  const auto text = [](const char* what, const Share& right, const Share& usual) {
    return fmt::format("{} {:.3f} of {} against {:.3f} of {}", what, right.value(), right.replies,
                       usual.value(), usual.replies);
  };
  if (greater(refused_harmless, refused_improper))
    return text("refuses improper requests", refused_improper, refused_harmless);
  if (greater(abstained_told, abstained_untold))
    return text("abstains on what was hardly told", abstained_untold, abstained_told);
  return {};
}

}  // namespace lineage
