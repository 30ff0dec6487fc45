#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/http/http.h"
#include "lineage/serve/rankings.h"
#include "lineage/serve/run_pages.h"
#include "lineage/serve/served_models.h"
#include "lineage/serve/wire.h"

namespace lineage {

struct PageOptions {
  std::vector<std::string> runs;   // the paths that are served
  bool rankings = true;            // what people rank is kept in the first of them that is a run
  std::optional<RankFile> rank{};  // of --rank
};

// The endpoints below /v1/lineage/ that the page needs beside a model's answers: examples, trees
// and curves of the run folder, rankings. They read and write files, so one thread of their own
// answers them, and no answer of a model waits for it. Reports take seconds and have a thread of
// theirs.
class PageApi {
 public:
  // `models` outlives it.
  PageApi(const PageOptions&, ServedModels& models);
  // Whether a path is an endpoint of this.
  static bool has(std::string_view path);
  // Faults become error responses.
  HttpResponse answer(const HttpRequest&);

 private:
  HttpResponse routed(const HttpRequest&, const std::string& path);
  HttpResponse ranked(const HttpRequest&, const std::string& below);
  const OrderedJson& prompts(const std::string& model);

  ServedModels& models_;
  RunPages run_pages_;
  Rankings rankings_;
  std::map<std::string, OrderedJson> prompts_;  // by model
};

}  // namespace lineage
