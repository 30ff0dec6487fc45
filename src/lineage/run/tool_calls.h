#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/checkpoint/manifest.h"
#include "lineage/infer/language_model.h"

namespace lineage {

// The micro-world's tuned models call Python by "<call> print ( 482 + 139 ) <ret>", at the
// beginning of an answer or right behind a result, and go on from what the program prints.
struct CallMarks {
  Token call, result;  // <call> and <ret>
};
// Nothing for a model that knows no calls.
std::optional<CallMarks> call_marks(const Manifest&, const Tokenizer&);

// A call that was run, or could not be.
struct ToolRun {
  std::string code, result;
  std::string error;  // "": none
};
// Runs a program of words with minipy's interpreter, under its limits. `printed`: the words of the
// result.
ToolRun run_program(const Tokenizer&, std::span<const Token> program, std::vector<Token>& printed);

constexpr int64_t kMostCalls = 8;  // of an answer

// The calls of one answer, which is generated in parts: a part is a call, or the text that ends the
// answer. A call that fails ends the answer, since models learned nothing from errors.
class ToolCalls {
 public:
  // The prompt and sampling of the answer's first part; a part has the stop token <ret> too. The
  // tokenizer must outlive it.
  ToolCalls(const Tokenizer&, CallMarks, std::vector<Token> prompt, Sampling, int64_t context);

  const std::vector<Token>& prompt() const { return prompt_; }
  const Sampling& sampling() const { return sampling_; }
  // Whether a part, or the beginning of one, is a call, and so no text of the answer.
  bool is_call(std::span<const Token> part) const {
    return !part.empty() && part[0] == marks_.call;
  }
  // A part that is a call has ended with `generated` drawn tokens, a stop token among them. Whether
  // the answer goes on: then prompt() and sampling() are the next part's.
  bool goes_on(std::span<const Token> part, int64_t generated, Completion::End, bool by_stop_token);
  const std::vector<ToolRun>& runs() const { return runs_; }
  // The answer has ended behind a result, since it had no room to go on.
  bool out_of_room() const { return out_of_room_; }

 private:
  const Tokenizer& tokenizer_;
  CallMarks marks_;
  std::vector<Token> prompt_;
  Sampling sampling_;
  int64_t context_;
  std::vector<ToolRun> runs_;
  bool out_of_room_ = false;
};

}  // namespace lineage
