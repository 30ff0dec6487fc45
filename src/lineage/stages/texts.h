#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "lineage/data/prepare.h"
#include "lineage/world/minipy/corpus/code_config.h"
#include "lineage/world/world_config.h"

namespace lineage {

struct Recipe;

enum class CorpusKind : uint8_t { text, code };
constexpr std::array<std::string_view, 2> enum_names(CorpusKind) { return {"text", "code"}; }

// A corpus of the micro-world.
struct CorpusConfig {
  CorpusKind kind = CorpusKind::text;
  int64_t tokens = 8'000'000;
  int64_t heldout_tokens = 60'000;
  double weight = 1;
  CodeConfig code{};
};

template <class V>
void fields(V& v, CorpusConfig& c) {
  v("kind", c.kind, "text, of the table [world], or code");
  v("tokens", c.tokens, "of the corpus; a person is told of as often as its tier says, whatever it",
    between(1, 1e12));
  v("heldout_tokens", c.heldout_tokens, "of further documents, to measure on", between(0, 1e12));
  v("weight", c.weight, "share of the training rows, relative to the others'",
    from_above_to(0, 1e9));
  v("code", c.code, "of kind code: what it may teach");
}

// The pretraining texts of a recipe share one namespace: files ([sources.NAME]) and corpora of the
// micro-world ([corpora.NAME]).
std::vector<std::string> text_names(const Recipe&);

// Those of `all` that `mixture` names with their weights in it; all, with their own weights, when
// it is empty. An Error that begins with `place` for an unknown name.
std::map<std::string, double> chosen(const std::map<std::string, double>& all,
                                     const std::map<std::string, double>& mixture,
                                     const std::string& place, std::string_view what);
std::map<std::string, double> chosen_texts(const Recipe&,
                                           const std::map<std::string, double>& mixture,
                                           const std::string& place);

// Checks that need no reading: files exist, corpora fit the tokenizer.
void check_texts(const Recipe&, const std::map<std::string, double>& texts, const Tokenizer&);

// Tokenises or generates them, or opens an earlier run's from the cache; the records have the
// weights.
std::vector<PreparedSource> prepare_texts(const Recipe&, const std::map<std::string, double>& texts,
                                          const Tokenizer&, const PrepareOptions&,
                                          Progress& = silent());

}  // namespace lineage
