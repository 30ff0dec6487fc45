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

// What the page shows of the run folders among the served paths, read anew with each request, so
// that it sees what another process grows: trees, learning curves, and the items on which two nodes
// differ. Each answer takes milliseconds. One thread uses it. Faults are ApiErrors and Errors.
class RunPages {
 public:
  RunPages(const std::vector<std::string>& served, const ServedModels&);
  static bool has(std::string_view path);
  HttpResponse answer(const HttpRequest&, const std::string& path);

 private:
  HttpResponse trees(const HttpRequest&);
  HttpResponse curves(const HttpRequest&);
  HttpResponse differences(const HttpRequest&);
  OrderedJson tree_json(const fs::path& run, const TreeState&) const;

  const std::vector<fs::path> runs_;
  const std::map<fs::path, std::string> served_;  // folder -> id of the model
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

  const std::vector<fs::path> runs_;
  TreeReader reader_;
  std::map<std::string, Kept> kept_;  // by tree, and whether with scores
};

}  // namespace lineage
