#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lineage/serve/fields.h"
#include "lineage/serve/rank_file.h"

namespace lineage {

// Sets of prompts with answers, and how people ranked them: the only text of users that a server
// writes. RUN/rankings/ID/ (mode 0700) has set.json, which does not change, and records.jsonl, to
// which each ranking adds a line (docs/formats.md); both of mode 0600. Several servers and labelers
// may write at once. Every fault is an ApiError.
class Rankings {
 public:
  // No folder: this server keeps none, for that reason.
  Rankings(std::optional<std::filesystem::path> folder, std::string why_none);

  // Takes the file of `--rank`. With answers to every prompt it is a set, one and the same for each
  // start with that content; else the page offers its prompts. An Error when no rankings are kept.
  void offer(RankFile);

  // {"enabled", "why", "file", "sets": [{"id", "title", "prompts", "labelers", "agreement"}],
  // "notes"}: what of the files cannot be read.
  OrderedJson list() const;
  // {"name", "prompts": [{"messages", "answers"}]} of offer(), to be answered.
  OrderedJson offered() const;
  // A new set of a request's title and prompts: its id.
  std::string make(const Fields&);
  // A set as a labeler sees it: answers without the names of their models, but of prompts that the
  // labeler has ranked or called unusable; and that labeler's records.
  OrderedJson shown(const std::string& id, const std::string& labeler) const;
  // Adds a record. One that is there already, by its id, is not added again.
  void add(const std::string& id, const Fields&);
  // The rankings of all labelers, or of one, a line each, as the stage `reward` reads them. Answers
  // of one text are one; what puts no answer before another is left out.
  std::string exported(const std::string& id, const std::string& labeler) const;

 private:
  std::filesystem::path folder_of(const std::string& id) const;
  void write_set(const std::string& id, const nlohmann::json& set) const;

  std::optional<std::filesystem::path> folder_;
  std::string why_none_;
  std::optional<RankFile> offered_;  // prompts without answers
};

}  // namespace lineage
