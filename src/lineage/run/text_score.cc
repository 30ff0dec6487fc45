#include "lineage/run/text_score.h"

#include <algorithm>
#include <iterator>
#include <numbers>

#include "lineage/base/error.h"

namespace lineage {

double TextScore::nats_per_token() const { return nats / static_cast<double>(tokens); }

double TextScore::bits_per_byte() const {
  return nats / std::numbers::ln2 / static_cast<double>(bytes);
}

TextScore& TextScore::operator+=(const TextScore& other) {
  nats += other.nats, tokens += other.tokens, bytes += other.bytes;
  return *this;
}

TextScore score_text(LanguageModel& model, std::string_view text, int64_t overlap,
                     const std::string& place) {
  const Tokenizer& tokenizer = model.tokenizer();
  const int64_t T = model.context();
  std::vector<Token> ids = tokenizer.before_text();
  int64_t given = std::ssize(ids);  // tokens that are context alone
  tokenizer.encode_append(text, ids);
  const int64_t n = std::ssize(ids);
  TextScore score{.bytes = std::ssize(text)};
  if (given == 0 && n > 0) {
    given = 1;
    score.bytes -= std::ssize(tokenizer.token_bytes(ids[0]));
  }
  require(n > given, place, ": has no token to score after the first; wanted more text");
  require(given < T, place, ": texts begin with ", given, " tokens; the model's context has ", T);
  std::vector<ScoreRequest> windows;
  for (int64_t done = given; done < n;) {
    const int64_t before = std::max<int64_t>(1, overlap);
    const int64_t first = done == given ? 0 : std::max<int64_t>(0, done - before);
    const int64_t end = std::min(n, first + T);
    windows.push_back(
        {{ids.begin() + first, ids.begin() + done}, {ids.begin() + done, ids.begin() + end}});
    done = end;
  }
  for (const Scored& s : model.score(windows)) score.nats -= s.log_prob;
  score.tokens = n - given;
  return score;
}

}  // namespace lineage
