#include "lineage/world/problems/long_sum.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "lineage/world/minipy/words.h"

namespace lineage {
namespace {

int64_t power_of_ten(int n) {
  int64_t p = 1;
  for (int i = 0; i < n; ++i) p *= 10;
  return p;
}

LongSum draw_long_sum(int digits, Draw& draw) {
  const int low = static_cast<int>(power_of_ten(digits - 1));
  LongSum sum;
  sum.digits = digits;
  sum.a = draw.between(low, 10 * low - 1);
  sum.b = draw.between(low, 10 * low - 1);
  sum.minus = draw.chance(0.5);
  // Differences of 100 and more, so that every number is digits.
  if (sum.minus && std::abs(sum.a - sum.b) < 100) sum.minus = false;
  if (sum.minus && sum.a < sum.b) std::swap(sum.a, sum.b);
  sum.test_only = is_test_key(item_key("long_sum", {sum.a, sum.b, sum.minus}));
  return sum;
}

}  // namespace

LongSum make_long_sum(int digits, ItemUse use, Draw& draw) {
  assert(3 <= digits && digits <= 6);
  return draw_for(use, "long sum", [&] { return std::optional(draw_long_sum(digits, draw)); });
}

LongSum make_long_sum(const World& world, int digits, std::string_view stream, uint64_t index) {
  Draw draw(item_rng(world, stream, index));
  return make_long_sum(digits, item_use(index), draw);
}

Tokens sum_expression(const LongSum& sum) {
  return TokenText().digits(sum.a).text(sum.minus ? "-" : "+").digits(sum.b).take();
}

Tokens sum_question(const LongSum& sum) {
  return TokenText("what is").add(sum_expression(sum)).text("?").take();
}

Tokens sum_answer(const LongSum& sum) { return TokenText().digits(sum.value()).take(); }

Tokens tool_answer(const LongSum& sum) {
  return TokenText("<call> print (")
      .add(sum_expression(sum))
      .text(") <ret>")
      .digits(sum.value())
      .text("<ans>")
      .digits(sum.value())
      .take();
}

Tokens run_tool(std::span<const Token> response) {
  const Token call = word_token("<call>");
  const auto last = std::find(response.rbegin(), response.rend(), call);
  if (last == response.rend()) return {};
  auto program = response.subspan(static_cast<size_t>(response.rend() - last));
  const auto stop = std::find(program.begin(), program.end(), word_token("<ret>"));
  program = program.first(static_cast<size_t>(stop - program.begin()));
  const minipy::RunResult result = minipy::run_words(program);
  if (result.outcome != minipy::Outcome::ok || result.printed.size() != 1) return {};
  Tokens out;
  try {
    minipy::write_text(result.printed[0].text, out);
  } catch (const minipy::Fault&) {  // printed text outside the vocabulary
    return {};
  }
  return out;
}

bool calls_rightly(const LongSum& sum, std::span<const Token> response) {
  const auto stop = std::find(response.begin(), response.end(), word_token("<ret>"));
  const ReadNumber got =
      read_number(run_tool(response.first(static_cast<size_t>(stop - response.begin()))));
  return got.ok && got.value == sum.value();
}

double score_long_sum(const LongSum& sum, std::span<const Token> response) {
  const auto mark = std::find(response.begin(), response.end(), word_token("<ans>"));
  const auto answer = mark == response.end()
                          ? response
                          : response.subspan(static_cast<size_t>(mark - response.begin()) + 1);
  const ReadNumber got = read_number(answer);
  return got.ok && got.value == sum.value() ? 1 : 0;
}

}  // namespace lineage
