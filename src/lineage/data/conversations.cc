#include "lineage/data/conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/source.h"

namespace lineage {
namespace {

// Where answers begin in an example; its size when there is none.
size_t first_answer(const Example& e) {
  return static_cast<size_t>(std::ranges::find_if(e.weights, [](float w) { return w > 0; }) -
                             e.weights.begin());
}

}  // namespace

int64_t bytes_of(const Conversation& c) {
  int64_t bytes = 0;
  for (const Turn& t : c.turns) bytes += std::ssize(t.text);
  return bytes;
}

std::vector<Conversation> read_conversations(const std::string& name,
                                             const ConversationsConfig& config,
                                             SourceRecord& record, bool wants_answer) {
  const RecordSetName set{"conversations", name};
  std::vector<Conversation> all;
  read_records(set, config, record, [&](const nlohmann::json& json, const std::string& place) {
    RecordContent content = read_record(json, place, wants_answer);
    for (Conversation& c : content.conversations) all.push_back(std::move(c));
    return static_cast<RecordRemarks>(std::move(content));
  });
  if (all.empty()) throw nothing_read(set, record, "conversation");
  return all;
}

bool fit(Example& e, TooLong rule, int64_t limit) {
  const auto size = static_cast<size_t>(limit);
  if (e.tokens.size() > size) {
    if (rule == TooLong::drop) return false;
    if (rule == TooLong::cut_front) {
      const size_t cut = std::min(e.tokens.size() - size, first_answer(e));
      e.tokens.erase(e.tokens.begin(), e.tokens.begin() + static_cast<std::ptrdiff_t>(cut));
      e.weights.erase(e.weights.begin(), e.weights.begin() + static_cast<std::ptrdiff_t>(cut));
    }
    e.tokens.resize(std::min(size, e.tokens.size()));
    e.weights.resize(e.tokens.size());
  }
  return first_answer(e) < e.tokens.size();
}

TuningSet tuning_set(const std::string& name, const ConversationsConfig& config,
                     const Tokenizer& tokenizer, int64_t context) {
  TuningSet set;
  const ChatTemplate chat(tokenizer);
  Digest digest;
  const std::vector<Conversation> all = read_conversations(name, config, set.record);
  std::vector<HashedSize> sizes;
  for (const Conversation& c : all) sizes.push_back({c.record, bytes_of(c)});
  const HeldoutBorder border = heldout_border(std::move(sizes), config.heldout, false);
  for (const Conversation& c : all) {
    ChatTemplate::Rendered rendered = chat.render(c.turns);
    Example e{std::move(rendered.tokens), std::move(rendered.weights), {}};
    const bool too_long = static_cast<int64_t>(e.tokens.size()) > context + 1;
    if (!fit(e, config.too_long, context + 1)) {
      ++set.record.dropped[std::string(dropped::kTooLarge)];
      continue;
    }
    set.record.truncated += too_long;
    const bool out = c.record < border.hash;
    digest.field(fmt::format("{} {}", c.rating, out));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.tokens.data()),
                                  e.tokens.size() * sizeof(Token)));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.weights.data()),
                                  e.weights.size() * sizeof(float)));
    const auto tokens = static_cast<int64_t>(e.tokens.size());
    (out ? set.record.heldout_documents : set.record.documents) += 1;
    (out ? set.record.heldout_tokens : set.record.tokens) += tokens;
    (out ? set.record.heldout_bytes : set.record.bytes) += bytes_of(c);
    (out ? set.heldout : set.train).push_back(std::move(e));
  }
  set.record.digest = digest.hex();
  require(!set.train.empty(), "conversations.", name,
          ": nothing is left to train on; wanted at least one conversation within ", context,
          " tokens");
  return set;
}

}  // namespace lineage
