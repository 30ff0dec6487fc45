#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/http/http.h"
#include "lineage/run/tree_states.h"
#include "lineage/serve/served_models.h"
#include "lineage/serve/wire.h"

namespace lineage {

// A run folder whose trees the page shows: all of them, or one.
struct ShownRun {
  fs::path run;
  std::optional<std::string> tree{};
  std::vector<std::string> trees() const;  // names; an Error when it is no run folder any more
};
// Of a run folder all, of RUN/trees/TREE or a link to it that one; other paths have none.
std::vector<ShownRun> shown_runs(const std::vector<std::string>& served);

// What the page shows of the run folders among the served paths, read anew with each request, so
// that it sees what another process grows: trees, learning curves, and the items on which two nodes
// differ. Each answer takes milliseconds. One thread uses it. Faults are ApiErrors and Errors.
class RunPages {
 public:
  RunPages(const std::vector<std::string>& served, ServedModels&);
  static bool has(std::string_view path);
  HttpResponse answer(const HttpRequest&, const std::string& path);

 private:
  HttpResponse trees(const HttpRequest&);
  HttpResponse curves(const HttpRequest&);
  HttpResponse differences(const HttpRequest&);

  const std::vector<ShownRun> runs_;
  ServedModels& models_;
  TreeReader reader_;
};

// The report of a tree, which takes seconds: on a thread of its own.
class ReportPages {
 public:
  explicit ReportPages(const std::vector<std::string>& served);
  static bool has(std::string_view path);
  // Faults become error responses.
  HttpResponse answer(const HttpRequest&);

 private:
  struct Kept {
    std::string stamp, plain, gzip, tag;  // stamp: of the files that it was made of
  };
  HttpResponse report(const HttpRequest&);
  const Kept& kept(const fs::path& run, const TreeState&, bool scores);

  const std::vector<ShownRun> runs_;
  TreeReader reader_;
  std::map<std::string, Kept> kept_;  // by tree, and whether with scores
};

}  // namespace lineage
