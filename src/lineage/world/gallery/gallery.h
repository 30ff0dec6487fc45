#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/document.h"
#include "lineage/world/facts.h"
#include "lineage/world/minipy/corpus/code_config.h"

namespace lineage {

// A named piece of a sample ("question", "answer"); a document is one piece without a name.
struct SamplePart {
  std::string name;
  std::vector<Token> tokens;
  std::vector<TokenTag> tags;  // one for each token
};

// Tokens that all have one tag.
SamplePart sample_part(std::string name, std::vector<Token> tokens, TokenTag = {});

// Something that the micro-world makes, for people to look at.
struct Sample {
  std::string kind;   // "encyclopaedia", "F02", "A05.binding.k4"
  std::string title;  // further description: its type, its cell, its place
  std::vector<SamplePart> parts;
};

// A kind of sample.
struct SampleKind {
  std::string group;  // text, code, problem, instruction, dialog, probe
  std::string name, title;
  // `count` of them from `first` on. Documents of a corpus: the next ones of this type from the
  // document `first` on. Probes: the test items from `first` on.
  std::function<std::vector<Sample>(uint64_t first, int64_t count)> samples;
};

struct GalleryConfig {
  int64_t text_tokens = 8'000'000;  // of the corpus that documents are taken from
  int64_t code_tokens = 2'200'000;
  CodeConfig code{};
};
// The document types of both corpora, word problems worked out and direct, families of
// instructions, dialogs; abilities/item_samples.h has the test items.
std::vector<SampleKind> corpus_samples(std::shared_ptr<const World>, const GalleryConfig&);

// The kinds of this group or name, or whose name begins with it ("A12", "F02"); all for "". An
// Error that names the nearest one when there is none.
std::vector<SampleKind> find_kinds(const std::vector<SampleKind>&, std::string_view wanted);

// As text with its own layout: lines, indents, numbers of several digits. In colour each ability
// has its own, and answer-bearing tokens are bold and underlined; without colour these are between
// underscores. The first line names the kind, and how many tokens bear answers.
std::string sample_text(const Sample&, bool colour);
// The colours of the abilities that these samples exercise, on one line; empty when there is none.
std::string colour_legend(const std::vector<Sample>&, bool colour);

}  // namespace lineage
