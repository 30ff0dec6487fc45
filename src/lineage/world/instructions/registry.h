#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/instructions/demonstration.h"
#include "lineage/world/instructions/instruction_config.h"

namespace lineage {

// Two list operations one after the other, as indices into list_ops().
struct Composition {
  int first = 0, second = 0;
  bool operator==(const Composition&) const = default;
};
std::string composition_name(Composition);  // "reverse then keep animal"
// All that make sense on some list, without copy: those in training, and the 128 that are held out
// from every tuned stage. Keyed hashing chooses the held-out ones, the same in all worlds; every
// operation stays in training with several partners.
inline constexpr int kHeldoutCompositions = 128, kTrainTypes = 1024;
std::span<const Composition> trained_compositions();
std::span<const Composition> heldout_compositions();
bool is_heldout(Composition);

// One type of instruction: a family's variant with a format. List families name one operation or
// two and a domain, the others a parameter.
struct InstructionType {
  Family family = Family::copy;
  int parameter = 0;            // below family_parameters(); of problems see problem_variants()
  int first = -1, second = -1;  // list operations
  ListDomain domain = ListDomain::letters;
  AnswerFormat format = AnswerFormat::plain;
  bool operator==(const InstructionType&) const = default;
};
// The type with a chain or without one, for problems that have both forms; nothing for other types.
std::optional<InstructionType> in_form(InstructionType, bool chain);
std::string type_name(const InstructionType&);  // "F02 reverse then keep animal, words, brackets"

// A type has ten paraphrases (two wordings in five frames); one is held out from training.
inline constexpr int kPhrases = 2, kFrames = 5;
enum class Paraphrases : uint8_t { trained, heldout };

// The words of a task: one of the task's wordings in one of the frames ("please …").
struct Wording {
  int phrase, frame;
};
Wording draw_wording(const InstructionType&, Paraphrases, Draw&);
struct Task;
Tokens frame_prompt(const Task&, AnswerFormat, Wording);

// All instructions of a world. Demonstrations are pure functions of (world, stream, index); see
// item_split.h for the indices of training and of tests.
class Instructions {
 public:
  explicit Instructions(const World& world);  // which must outlive it

  const World& world() const { return *world_; }
  // Ordered so that the first T types, for any T, are spread over the families: the dose axis is
  // nested.
  std::span<const InstructionType> train_types() const { return types_; }
  // The first of them, which the suite evaluates as trained ones: the world's instruction_types.
  std::span<const InstructionType> asked_types() const {
    return std::span(types_).first(static_cast<size_t>(world_->config().instruction_types));
  }

  Demonstration demonstration(const InstructionType&, std::string_view stream, uint64_t index,
                              Paraphrases = Paraphrases::trained, double unknown_share = 0) const;

 private:
  const World* world_;
  std::vector<InstructionType> types_;
};

// The demonstrations of one dose. The constructor throws an Error for a config that names something
// held out or unknown, or leaves no type; `place` is the config's, for its message.
class InstructionMixture {
 public:
  InstructionMixture(const Instructions&, const InstructionConfig&,  // the first must outlive it
                     const std::string& place = "instructions");
  // The index-th demonstration of training; index < kFirstProbe.
  Demonstration operator()(uint64_t index) const;
  // The same, whose answer is replaced at random by a refusal or an abstention, whatever the
  // request (the world's random_refusals and random_abstentions): what models are tuned on.
  Demonstration training(uint64_t index) const;
  // The types that it draws from, as indices into train_types().
  const std::vector<int>& types() const { return types_; }

 private:
  const Instructions* instructions_;
  InstructionConfig config_;
  std::vector<int> types_;
  std::vector<std::vector<int>> by_family_;  // of the families that it draws from
  std::vector<double> cumulative_;           // of their weights
  std::map<int, std::array<int, 2>> forms_;  // of problems with both: direct, chain
};

}  // namespace lineage
