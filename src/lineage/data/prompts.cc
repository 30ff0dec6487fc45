#include "lineage/data/prompts.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/blanks.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/source.h"

namespace lineage {
namespace {

// Takes the answer at the end of the turns off; "" if there is none.
std::string take_reference(std::vector<Turn>& turns) {
  if (turns.empty() || turns.back().role != Role::assistant) return {};
  std::string answer = std::move(turns.back().text);
  turns.pop_back();
  return blank(answer) ? std::string() : answer;
}

bool all_blank(const std::vector<Turn>& turns) {
  return std::ranges::all_of(turns, [](const Turn& t) { return blank(t.text); });
}

}  // namespace

std::vector<FilePrompt> file_prompts(const std::string& name, const ConversationsConfig& config,
                                     const Tokenizer& tokenizer, int64_t longest_prompt,
                                     SourceRecord& record) {
  const ChatTemplate chat(tokenizer);
  std::vector<Conversation> all = read_conversations(name, config, record, /*wants_answer=*/false);
  std::vector<HashedSize> sizes;
  for (const Conversation& c : all) sizes.push_back({c.record, bytes_of(c)});
  const HeldoutBorder border = heldout_border(std::move(sizes), config.heldout, false);
  std::vector<FilePrompt> prompts;
  Digest digest;
  for (Conversation& c : all) {
    std::string reference = take_reference(c.turns);
    FilePrompt p{chat.prompt(c.turns), std::move(reference), c.record < border.hash};
    const auto tokens = std::ssize(p.prompt);
    const bool empty = all_blank(c.turns);
    if (empty || tokens > longest_prompt) {
      ++record.dropped[std::string(empty ? dropped::kEmpty : dropped::kPromptTooLong)];
      continue;
    }
    digest.field(std::string_view(reinterpret_cast<const char*>(p.prompt.data()),
                                  p.prompt.size() * sizeof(Token)));
    digest.field(p.reference).field(p.heldout ? "held out" : "");
    (p.heldout ? record.heldout_documents : record.documents) += 1;
    (p.heldout ? record.heldout_tokens : record.tokens) += tokens;
    (p.heldout ? record.heldout_bytes : record.bytes) += bytes_of(c);
    prompts.push_back(std::move(p));
  }
  record.digest = digest.hex();
  require(record.documents > 0, "conversations.", name,
          ": no prompt is left; wanted at least one within ", longest_prompt, " tokens");
  return prompts;
}

}  // namespace lineage
