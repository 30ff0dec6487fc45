#include "lineage/run/tool_calls.h"

#include <fmt/format.h>

#include "lineage/base/rng.h"
#include "lineage/run/suites.h"
#include "lineage/world/minipy/words.h"

namespace lineage {
namespace {

constexpr size_t kMostPrinted = 64;  // tokens of a result

std::string fault_text(minipy::Outcome outcome, const std::string& message) {
  return message.empty() ? std::string(minipy::outcome_name(outcome))
                         : fmt::format("{}: {}", minipy::outcome_name(outcome), message);
}

}  // namespace

std::optional<CallMarks> call_marks(const Manifest& manifest, const Tokenizer& tokenizer) {
  if (manifest.world.empty() || !of_micro_world(tokenizer)) return {};
  return CallMarks{*tokenizer.find_special("<call>"), *tokenizer.find_special("<ret>")};
}

ToolRun run_program(const Tokenizer& tokenizer, std::span<const Token> program,
                    std::vector<Token>& printed) {
  ToolRun run{tokenizer.decode(program), {}, {}};
  const minipy::RunResult result = minipy::run_words(program);
  if (result.outcome != minipy::Outcome::ok) {
    run.error = fault_text(result.outcome, result.message);
    return run;
  }
  if (result.printed.size() != 1) {
    run.error = fmt::format("the program printed {} lines; wanted one", result.printed.size());
    return run;
  }
  std::vector<Token> words;
  try {
    minipy::write_text(result.printed[0].text, words);
  } catch (const minipy::Fault& f) {
    run.error = fault_text(f.outcome, f.message);
    return run;
  }
  if (words.size() > kMostPrinted) {
    run.error =
        fmt::format("the program printed {} words; wanted at most {}", words.size(), kMostPrinted);
    return run;
  }
  run.result = result.printed[0].text;
  printed = std::move(words);
  return run;
}

ToolCalls::ToolCalls(const Tokenizer& tokenizer, CallMarks marks, std::vector<Token> prompt,
                     Sampling sampling, int64_t context)
    : tokenizer_(tokenizer),
      marks_(marks),
      prompt_(std::move(prompt)),
      sampling_(std::move(sampling)),
      context_(context) {
  sampling_.stop_tokens.push_back(marks_.result);
}

bool ToolCalls::goes_on(std::span<const Token> part, int64_t generated, Completion::End end,
                        bool by_stop_token) {
  const auto program = part.subspan(1);
  const auto not_run = [&](std::string why) {
    runs_.push_back({tokenizer_.decode(program), {}, std::move(why)});
    return false;
  };
  if (end == Completion::End::cancelled) return not_run("the answer was stopped within the call");
  if (end == Completion::End::length)
    return not_run("the call is cut: its answer has no room for more tokens");
  if (!by_stop_token) return not_run("the call is cut by a stop text");
  if (std::ssize(runs_) == kMostCalls)
    return not_run(fmt::format("the answer has made {} calls, which is the limit", kMostCalls));
  std::vector<Token> printed;
  runs_.push_back(run_program(tokenizer_, program, printed));
  if (!runs_.back().error.empty()) return false;
  sampling_.max_tokens -= generated;
  sampling_.seed = Rng(sampling_.seed).fold("part of an answer").bits(0);
  prompt_.insert(prompt_.end(), part.begin(), part.end());
  prompt_.push_back(marks_.result);
  prompt_.insert(prompt_.end(), printed.begin(), printed.end());
  const int64_t room = context_ - std::ssize(prompt_);
  out_of_room_ = sampling_.max_tokens <= 0 || room <= 0;
  sampling_.max_tokens = std::min(sampling_.max_tokens, room);
  return !out_of_room_;
}

}  // namespace lineage
