// One JSON record through the readers of comparisons and of conversations. The first byte chooses
// the rule for long ones. An Error is a fine answer; a comparison that is none, or one that is
// longer than the limit, is not.
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/error.h"
#include "lineage/data/conversation_record.h"
#include "lineage/data/json_records.h"
#include "lineage/data/preferences.h"

namespace {

using namespace lineage;

void check(bool ok) {
  if (!ok) std::abort();
}

void check_comparison(const RankedAnswers& r) {
  check(!r.prompt.empty() && r.prompt.back().role == Role::user);
  check(r.answers.size() > 1 && r.ranks.size() == r.answers.size());
  check(std::set(r.answers.begin(), r.answers.end()).size() == r.answers.size());
  check(std::ranges::min(r.ranks) == 1);
  check(std::ranges::max(r.ranks) > 1);
  check(std::ranges::max(r.ranks) <= std::ssize(r.ranks));
}

std::vector<Token> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

void check_cut(const RankedAnswers& r, TooLong rule, int64_t limit) {
  Comparison c{bytes_of(r.prompt.back().text + ":"), {}, r.ranks};
  for (const std::string& answer : r.answers) c.answers.push_back(bytes_of(answer));
  if (!fit(c, rule, limit, /*opening=*/1).empty()) return;
  check(!c.prompt.empty() && c.prompt.back() == ':');
  for (const std::vector<Token>& answer : c.answers)
    check(!answer.empty() && std::ssize(c.prompt) + std::ssize(answer) <= limit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    repair_lone_surrogates(text);
    const nlohmann::json record = parse_json_record(text, "fuzz");
    try {
      read_record(record, "fuzz", data[0] & 1);
    } catch (const Error&) {
    }
    for (const RankedAnswers& r : read_preference(record, "fuzz").comparisons) {
      check_comparison(r);
      check_cut(r, static_cast<TooLong>(data[0] % 3), 1 + data[0] % 16);
    }
  } catch (const Error&) {
  }
  return 0;
}
