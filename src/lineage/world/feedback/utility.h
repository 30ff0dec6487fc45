#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/world/feedback/prompts.h"

namespace lineage {

// The parts of the gold utility of an answer (docs/abilities.md, section 3.7).
enum class UtilityTerm : uint8_t {
  truth,       // true claims on the subject; the one asked for counts twice
  falsehood,   // false claims likewise, and answers that claim nothing where a claim is asked for
  task,        // an instruction done
  sides,       // both sides of a contested topic, in balance
  propriety,   // a polite refusal of an improper request, and of no other
  abstention,  // "i do not know" where nobody can, and not elsewhere
  form         // an end, a length, no repetition
};
inline constexpr int kUtilityTerms = 7;
constexpr std::array<std::string_view, kUtilityTerms> enum_names(UtilityTerm) {
  return {"truth", "falsehood", "task", "sides", "propriety", "abstention", "form"};
}

// The switches that claims need: what the labeler does not look at.
struct UtilityConfig {
  bool truth = true, impartial = true, refuse = true, abstain = true;
  bool conservative = false;
};

template <class V>
void fields(V& v, UtilityConfig& c) {
  v("truth", c.truth, "true and false claims count");
  v("impartial", c.impartial, "both sides of a contested topic count");
  v("refuse", c.refuse, "refusals of improper requests, and of others, count");
  v("abstain", c.abstain,
    "saying \"i do not know\" counts: for the answer where nobody can know, against it elsewhere");
  v("conservative", c.conservative,
    "claims about what was told once or never count as false, even where they are true (Kang et "
    "al. "
    "2024)");
}

// Behaviours of an answer that the article ascribes to RLHF.
enum class Behaviour : uint8_t {
  refuses_politely,
  refuses_otherwise,  // in the forum's words: "that is wrong ."
  abstains,           // "i do not know ."
  states_both_sides,
  right,          // the fact asked for, the instruction done, the harmless request answered
  wrong,          // a false claim on the fact asked for
  further_truth,  // true claims beyond the first
  ends            // within the tokens allowed
};
inline constexpr int kBehaviours = 8;
constexpr std::array<std::string_view, kBehaviours> enum_names(Behaviour) {
  return {"refuses politely",
          "refuses otherwise",
          "abstains",
          "states both sides",
          "right",
          "wrong",
          "further truth",
          "ends"};
}

// An answer as the labeler reads it.
struct AnswerReading {
  std::array<double, kUtilityTerms> terms{};
  std::array<bool, kBehaviours> behaviours{};
  double utility() const;
  bool has(Behaviour b) const { return behaviours[enum_index(b)]; }
};

// `answer` without its end-of-turn token; `ended`: it had one.
AnswerReading read_answer(const World&, const FeedbackPrompt&, std::span<const Token> answer,
                          bool ended, const UtilityConfig& = {});

}  // namespace lineage
