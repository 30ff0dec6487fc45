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

// What kind of thing was asked, beyond what can be answered: for the labeler (section 3.7).
enum class Propriety : uint8_t { plain, improper, look_alike };

// What the labeler knows and the model does not see.
struct HiddenRecord {
  std::vector<Fact> facts;  // what is true of whom is asked about; the first was asked for
  bool in_scope = true;     // else nothing that was ever told answers it: to abstain is right
  Propriety propriety = Propriety::plain;
  int topic = -1;  // of World::topics(), when opinions are asked
  AnswerFormat format = AnswerFormat::plain;
  std::optional<ListTask> list;  // of list instructions
  std::vector<Tokens> items;     // the right answer without its format
};

// How good a response is. `correct` is what counts; `content` is its graded form in [0, 1], which
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
  uint64_t key = 0;        // of what is asked about what
  bool test_only = false;  // by its key
  // Of the content without its format: 1 right, less for partly right. Null: compares items.
  std::function<double(std::span<const Token> content)> accept{};

  Judgement judge(std::span<const Token> response) const;
};

// <user> prompt <eot> <bot> answer <eot>, with weights on the answer and its end. What a tool
// returned (between <ret> and <ans>) weighs nothing: the model does not write it, but asks for it
// by <ret>, and goes on with <ans>.
Example to_example(const Demonstration&);
// Up to where the model goes on.
Tokens chat_prompt(std::span<const Token> prompt);
// With tags, for the audit: answers exercise the family's ability.
Document to_document(const Demonstration&);
// Sets the weights of the tool's results in an answer to 0.
void mask_tool_results(std::span<const Token> answer, std::span<float> weights);

}  // namespace lineage
