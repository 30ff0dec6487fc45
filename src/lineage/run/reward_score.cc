#include "lineage/run/reward_score.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/data/conversations.h"
#include "lineage/data/preferences.h"
#include "lineage/rlhf/answer_rows.h"

namespace lineage {
namespace {

// An answer on its own, as a comparison of one.
Comparison only_answer(Conversation c, const Tokenizer& tokenizer, const ChatTemplate& chat) {
  RankedAnswers answers;
  answers.answers = {std::move(c.turns.back().text)};
  answers.ranks = {1};
  c.turns.pop_back();
  answers.prompt = std::move(c.turns);
  return comparison_of(answers, tokenizer, chat);
}

int64_t tokens_in(const Comparison& c) { return std::ssize(c.prompt) + std::ssize(c.answers[0]); }

// Rewards of answers that are in memory together.
void add_rewards(const Gpt& gpt, std::span<const Comparison> answers,
                 std::span<AnswerRewards::One> out) {
  std::vector<AnsweredPrompt> texts;
  for (const Comparison& c : answers) texts.push_back({c.prompt, c.answers[0]});
  const Tensor rewards = answer_rewards(gpt, answer_rows(texts, gpt.config.context));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].reward = rewards.data<float>()[i];
    require(std::isfinite(out[i].reward), out[i].place, ": its reward is ", out[i].reward,
            "; wanted a finite one of a sound model");
  }
}

void check_model(const Model& model, const std::string& place) {
  if (!model.config.scalar_head)
    throw Error(place + ": is a language model; wanted a reward model to judge answers",
                "stage reward grows one; without --reward, score tells how well a model predicts "
                "texts");
  if (is_content_filter(model))
    throw Error(place +
                    ": is a content filter, which judges requests; wanted a reward model to "
                    "judge answers",
                "its moderation.json says what it flags");
  if (!model.tokenizer)
    throw Error(place + ": has no tokenizer; wanted one to read the answers with",
                "use the folder that lineage grow wrote");
}

}  // namespace

double AnswerRewards::mean() const {
  double sum = 0;
  for (const One& one : all) sum += one.reward;
  return sum / static_cast<double>(all.size());
}

AnswerRewards score_answers(const Model& model, const std::string& place,
                            const std::vector<std::string>& files, TooLong too_long) {
  check_model(model, place);
  constexpr int64_t kAtOnce = 16384;  // tokens
  const ChatTemplate chat(*model.tokenizer);
  const auto opening = std::ssize(chat.opening(Role::assistant));
  AnswerRewards out;
  std::vector<Comparison> answers;
  RecordSetConfig config;
  config.paths = files;
  read_records(
      {"", "FILE"}, config, out.record, [&](const nlohmann::json& json, const auto& where) {
        RecordContent content = read_record(json, where);
        for (Conversation& c : content.conversations) {
          std::string at = std::move(c.place);
          Comparison answer = only_answer(std::move(c), *model.tokenizer, chat);
          const int64_t whole = tokens_in(answer);
          const std::string_view why = fit(answer, too_long, model.config.context, opening);
          if (!why.empty()) {
            ++out.record.dropped[std::string(why)];
            continue;
          }
          out.record.truncated += tokens_in(answer) < whole;
          out.all.push_back({std::move(at), 0});
          answers.push_back(std::move(answer));
        }
        return static_cast<RecordRemarks>(std::move(content));
      });
  if (out.all.empty()) {
    const std::string why = describe_dropped(out.record);
    throw Error(fmt::format("no answer to judge{}; wanted some", why.empty() ? "" : ": " + why),
                "see docs/formats.md for the formats of conversations that are read");
  }
  for (size_t begin = 0; begin < answers.size();) {
    size_t end = begin;
    for (int64_t tokens = 0; end < answers.size(); ++end) {
      tokens += tokens_in(answers[end]);
      if (end > begin && tokens > kAtOnce) break;
    }
    add_rewards(*model.gpt, std::span(answers).subspan(begin, end - begin),
                std::span(out.all).subspan(begin, end - begin));
    begin = end;
  }
  return out;
}

}  // namespace lineage
