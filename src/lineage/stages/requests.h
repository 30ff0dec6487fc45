#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/data/provenance.h"
#include "lineage/stages/stage.h"
#include "lineage/world/feedback/utility.h"

namespace lineage {

// The requests that a stage samples answers to: of the micro-world, or of files.
struct RequestsConfig {
  std::map<std::string, double> kinds{};
  std::map<std::string, double> mixture{};
  std::string files{};
};

template <class V>
void fields(V& v, RequestsConfig& c) {
  v("kinds", c.kinds,
    "shares of the kinds of request: improper, look_alike, told_400, told_128, core_year, "
    "told_once, "
    "named_only, never_named, future_year, contested, page, instruction, dialog; empty: the usual "
    "ones of single requests",
    between(0, 1e9));
  v("mixture", c.mixture,
    "the sets of [demonstrations.NAME] whose types the instructions among them are of; empty: all",
    from_above_to(0, 1e9));
  v("files", c.files,
    "a set of [conversations.NAME] whose prompts are taken instead; its answers are references for "
    "reward = \"answer\"");
}

// Requests by index, any from 0 on; a pure function of the index, in training and in tests.
class Requests {
 public:
  virtual ~Requests() = default;
  virtual int64_t size(
      ItemUse) const = 0;  // how many there are before they repeat; may be 0 in tests
  virtual Tokens context(int64_t index, ItemUse) const = 0;
  // A short name of what is asked for, for tables; "" where nothing tells.
  virtual std::string kind(int64_t index, ItemUse) const = 0;
  // What the request shares with others, so that they are answered rightly or wrongly together: the
  // intent of an improper one and its look-alikes, the person, country or topic of a question; ""
  // where nothing tells.
  virtual std::string about(int64_t, ItemUse) const { return {}; }
  virtual std::optional<Tokens> reference(int64_t index, ItemUse) const = 0;
  // What the labeler says of an answer; nothing where no labeler of ours can.
  virtual std::optional<AnswerReading> read(int64_t index, ItemUse, std::span<const Token> answer,
                                            bool ended, const UtilityConfig&) const = 0;
  // Whether the answer is right, by comparison with the reference or by the task's own checker;
  // nothing where there is neither.
  virtual std::optional<bool> right(int64_t index, ItemUse, std::span<const Token> answer,
                                    bool ended) const = 0;
  // Of the files that they come from, after so many of them were asked in training.
  virtual std::optional<SourceRecord> record(int64_t) const { return {}; }
};

// Keys without effect beside the others.
std::map<std::string, std::string> idle_request_keys(const RequestsConfig&);
// The data that requests read, by its names in the recipe.
void add_request_sets(const RequestsConfig&, const Recipe&, StageReads&);
// Throws an Error that names the place for unknown kinds and sets.
void validate_requests(const RequestsConfig&, const RecipeNode&, const Recipe&);
// Those of the micro-world in equal shares of all kinds; null where requests come from files.
std::unique_ptr<const Requests> requests_of_every_kind(const RequestsConfig&, const RecipeNode&,
                                                       const Recipe&);
// `longest`: tokens of a context; longer ones of files are left out, with a note, and so are those
// without a reference where `with_reference`. An Error if none is left.
std::unique_ptr<const Requests> open_requests(const RequestsConfig&, const RecipeNode&,
                                              const StageContext&, int64_t longest,
                                              bool with_reference = false);

}  // namespace lineage
