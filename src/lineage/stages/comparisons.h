#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/data/preferences.h"
#include "lineage/nn/lora.h"
#include "lineage/stages/answers.h"
#include "lineage/stages/requests.h"
#include "lineage/train/optimizer.h"
#include "lineage/world/feedback/annotator.h"

namespace lineage {

// Comparisons of answers, to train reward models on and to tune by preferences: answers of the
// parent and of other kinds, ranked by the micro-world's annotators; or ranked by people, in files.
struct ComparisonsConfig {
  RequestsConfig requests;
  AnswersConfig answers{.prompts = 4000, .samples = 4};
  int64_t hot_samples = 1;
  double hot_temperature = 1.5;
  int64_t off_topic = 2;
  bool references = true;
  LabelerConfig labeler;
  std::string preferences{};
  int64_t heldout = 400;
};

template <class V>
void fields(V& v, ComparisonsConfig& c) {
  fields(v, c.requests);
  fields(v, c.answers);
  v("hot_samples", c.hot_samples, "further answers drawn at hot_temperature", between(0, 1000));
  v("hot_temperature", c.hot_temperature, "at which those are drawn", from_above_to(0, 1000));
  v("off_topic", c.off_topic, "further answers taken from those to other prompts",
    between(0, 1000));
  v("references", c.references, "a good answer is among those compared");
  v("labeler", c.labeler, "the annotators of the micro-world");
  v("preferences", c.preferences,
    "a set of [preferences.NAME], which people ranked: it takes the place of drawing and labeling");
  v("heldout", c.heldout,
    "further prompts, of other persons, requests and topics, to measure on; of files their own "
    "share "
    "is held out",
    between(0, 100000));
}

// A comparison with what the labeler knows about it.
struct LabeledComparison {
  Comparison comparison;
  std::string kind;  // of the request
  // Of each answer; empty for those of files.
  std::vector<AnswerReading> readings{};
};

struct LabeledComparisons {
  std::vector<LabeledComparison> train, heldout;
  std::vector<Comparison> references;  // one good answer each, to train prompts
  double agreement = 0, noise = 0;     // of two annotators; 0 for files
  SourceRecord record;
};

void validate_comparisons(const ComparisonsConfig&, const RecipeNode&, const Recipe&);
// Keys without effect beside the others.
std::map<std::string, std::string> idle_comparison_keys(const ComparisonsConfig&);
void add_comparison_sets(const ComparisonsConfig&, const Recipe&, StageReads&);
// At most, of those drawn.
int64_t answers_a_prompt(const ComparisonsConfig&);
// Of a stage that trains on so many answers a prompt, `batch_prompts` prompts a step.
StagePlan comparison_plan(const ComparisonsConfig&, const OptimizerConfig&, int64_t micro_tokens,
                          const std::optional<LoraConfig>&, int64_t answers_a_prompt,
                          int64_t batch_prompts, const RecipeNode&, int ranks);
// Draws the answers of the first parent on rank 0 (files of the node's folder keep them), and ranks
// them.
LabeledComparisons load_comparisons(const ComparisonsConfig&, const RecipeNode&,
                                    const StageContext&);

}  // namespace lineage
