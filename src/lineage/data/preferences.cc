#include "lineage/data/preferences.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/source.h"

namespace lineage {
namespace {

size_t longest_answer(const Comparison& c) {
  return std::ranges::max_element(c.answers, {}, &std::vector<Token>::size)->size();
}

int64_t bytes_of(const RankedAnswers& r) {
  int64_t bytes = 0;
  for (const Turn& t : r.prompt) bytes += std::ssize(t.text);
  for (const std::string& answer : r.answers) bytes += std::ssize(answer);
  return bytes;
}

int64_t tokens_in(const Comparison& c) {
  int64_t tokens = std::ssize(c.prompt);
  for (const std::vector<Token>& answer : c.answers) tokens += std::ssize(answer);
  return tokens;
}

void add_to(Digest& digest, const Comparison& c, bool heldout) {
  const auto add = [&](const auto& values) {
    digest.field(std::string_view(reinterpret_cast<const char*>(values.data()),
                                  values.size() * sizeof(values[0])));
  };
  digest.field(fmt::format("{} {}", c.answers.size(), heldout));
  add(c.ranks);
  add(c.prompt);
  for (const std::vector<Token>& answer : c.answers) add(answer);
}

}  // namespace

std::vector<RankedAnswers> read_preferences(const std::string& name,
                                            const PreferencesConfig& config, SourceRecord& record) {
  const RecordSetName set{"preferences", name};
  std::vector<RankedAnswers> all;
  read_records(set, config, record, [&](const nlohmann::json& json, const std::string& place) {
    PreferenceContent content = read_preference(json, place);
    for (RankedAnswers& r : content.comparisons) all.push_back(std::move(r));
    return static_cast<RecordRemarks>(std::move(content));
  });
  if (all.empty()) throw nothing_read(set, record, "comparison");
  return all;
}

Comparison comparison_of(const RankedAnswers& r, const Tokenizer& tokenizer,
                         const ChatTemplate& chat) {
  Comparison c{chat.prompt(r.prompt), {}, r.ranks};
  for (const std::string& answer : r.answers) {
    c.answers.push_back(tokenizer.encode(answer));
    const std::vector<Token>& closing = chat.closing(Role::assistant);
    c.answers.back().insert(c.answers.back().end(), closing.begin(), closing.end());
  }
  return c;
}

std::string_view fit(Comparison& c, TooLong rule, int64_t limit, int64_t opening) {
  const auto size = static_cast<size_t>(limit), kept = static_cast<size_t>(opening);
  if (c.prompt.size() >= size) return dropped::kPromptTooLong;
  const size_t longest = longest_answer(c);
  if (c.prompt.size() + longest <= size) return {};
  if (rule == TooLong::drop) return dropped::kTooLarge;
  if (rule == TooLong::cut_front) {
    if (kept + longest > size) return dropped::kTooLarge;
    c.prompt.erase(c.prompt.begin(), c.prompt.end() - static_cast<std::ptrdiff_t>(size - longest));
    return {};
  }
  for (std::vector<Token>& answer : c.answers)
    answer.resize(std::min(answer.size(), size - c.prompt.size()));
  for (size_t i = 0; i < c.answers.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (c.answers[i] == c.answers[j]) return dropped::kTooLarge;  // no longer told apart
  return {};
}

PreferenceSet preference_set(const std::string& name, const PreferencesConfig& config,
                             const Tokenizer& tokenizer, int64_t context) {
  PreferenceSet set;
  const ChatTemplate chat(tokenizer);
  const auto opening = std::ssize(chat.opening(Role::assistant));
  Digest digest;
  const std::vector<RankedAnswers> all = read_preferences(name, config, set.record);
  std::vector<HashedSize> sizes;
  for (const RankedAnswers& r : all) sizes.push_back({r.record, bytes_of(r)});
  const HeldoutBorder border = heldout_border(std::move(sizes), config.heldout, false);
  for (const RankedAnswers& r : all) {
    Comparison c = comparison_of(r, tokenizer, chat);
    const int64_t whole = tokens_in(c);
    const std::string_view reason = fit(c, config.too_long, context, opening);
    if (!reason.empty()) {
      ++set.record.dropped[std::string(reason)];
      continue;
    }
    const int64_t tokens = tokens_in(c);
    set.record.truncated += tokens < whole;
    const bool out = r.record < border.hash;
    add_to(digest, c, out);
    (out ? set.record.heldout_documents : set.record.documents) += 1;
    (out ? set.record.heldout_tokens : set.record.tokens) += tokens;
    (out ? set.record.heldout_bytes : set.record.bytes) += bytes_of(r);
    (out ? set.heldout : set.train).push_back(std::move(c));
  }
  set.record.digest = digest.hex();
  require(!set.train.empty(), "preferences.", name,
          ": nothing is left to train on; wanted at least one comparison within ", context,
          " tokens");
  return set;
}

}  // namespace lineage
