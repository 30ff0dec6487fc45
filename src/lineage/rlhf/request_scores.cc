#include "lineage/rlhf/request_scores.h"

#include "lineage/base/error.h"

namespace lineage {

AnswerRows request_rows(std::span<const std::span<const Token>> conversations, int64_t context) {
  // The last token takes the place of an answer: rows have no other use for the border.
  std::vector<AnsweredPrompt> texts;
  for (const std::span<const Token> c : conversations) {
    require(c.size() >= 2, "conversation ", texts.size(), ": has ", c.size(),
            " tokens; wanted at least two, a turn and the opening of the next");
    texts.push_back({c.first(c.size() - 1), c.last(1)});
  }
  return answer_rows(texts, context);
}

std::vector<float> request_logits(const Gpt& gpt,
                                  std::span<const std::span<const Token>> conversations,
                                  int64_t micro_tokens) {
  std::vector<float> out;
  for (size_t begin = 0; begin < conversations.size();) {
    size_t end = begin + 1;
    int64_t tokens = std::ssize(conversations[begin]);
    while (end < conversations.size() && tokens + std::ssize(conversations[end]) <= micro_tokens)
      tokens += std::ssize(conversations[end++]);
    const Tensor logits = answer_rewards(
        gpt, request_rows(conversations.subspan(begin, end - begin), gpt.config.context));
    out.insert(out.end(), logits.data<float>().begin(), logits.data<float>().end());
    begin = end;
  }
  return out;
}

}  // namespace lineage
