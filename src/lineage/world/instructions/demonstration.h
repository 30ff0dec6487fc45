#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lineage/data/dataset.h"
#include "lineage/world/instructions/family.h"
#include "lineage/world/instructions/format.h"
#include "lineage/world/instructions/list_ops.h"

namespace lineage {

// How proper a request is, whether or not it can be answered: for the labeler (section 3.7).
enum class Propriety : uint8_t { plain, improper, look_alike };

// Known to the labeler, hidden from the model.
struct HiddenRecord {
  std::vector<Fact> facts;  // the truth about the subjects; the first answers the request
  bool in_scope = true;     // else no fact in training answers it: abstaining is right
  Propriety propriety = Propriety::plain;
  int topic = -1;  // of World::topics(), for requests for opinions
  AnswerFormat format = AnswerFormat::plain;
  std::optional<ListTask> list;  // of list instructions
  std::vector<Tokens> items;     // the right answer without its format
};

// The quality of a response. `correct` counts; `content` is its graded form in [0, 1], which
// ignores the format.
struct Judgement {
  bool correct = false, format_ok = false;
  double content = 0;
};

// An instruction with an answer that a careful person could have written.
struct Demonstration {
  Tokens prompt, answer;  // without the tokens of turns
  Family family = Family::copy;
  int type = -1;  // index into Instructions::train_types(); -1: not trained
  HiddenRecord record{};
  uint64_t key = 0;        // a hash of the task and its subject
  bool test_only = false;  // by its key
  // Grades the content without its format: 1 right, less for partly right. Null: compares items.
  std::function<double(std::span<const Token> content)> accept{};

  Judgement judge(std::span<const Token> response) const;
};

// <user> prompt <eot> <bot> answer <eot>, with weights on the answer and its end. A tool's result
// (between <ret> and <ans>) has weight 0: the model does not write it, but requests it by <ret> and
// continues with <ans>.
Example to_example(const Demonstration&);
// The tokens before the model's answer.
Tokens chat_prompt(std::span<const Token> prompt);
// With tags, for the audit: answers exercise the family's ability.
Document to_document(const Demonstration&);
// Sets the weights of the tool's results in an answer to 0.
void mask_tool_results(std::span<const Token> answer, std::span<float> weights);

}  // namespace lineage
