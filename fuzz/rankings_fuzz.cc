// The rankings of a server: three lines of input are a set, a record of it, and the id of a set
// that may be none. An ApiError is a fine answer. Nothing may be written beside the folder, and
// each line of the export is JSON that has two answers or more.
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lineage/serve/api_error.h"
#include "lineage/serve/rankings.h"

namespace {

using namespace lineage;
namespace fs = std::filesystem;

void check(bool ok) {
  if (!ok) std::abort();
}

template <class Call>
void attempt(const Call& call) {
  try {
    call();
  } catch (const ApiError& e) {
    check(e.status >= 400 && e.status < 500 && e.what()[0] != 0);
  }
}

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fs::path outer =
      fs::temp_directory_path() / ("rankings-fuzz-" + std::to_string(getpid()));
  fs::remove_all(outer);
  fs::create_directories(outer / "run");
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data), size));
  std::string set, record, given;
  std::getline(lines, set), std::getline(lines, record), std::getline(lines, given);

  Rankings rankings(outer / "run" / "rankings", "");
  std::string id;
  attempt([&] { id = rankings.make(Fields::parse(set)); });
  for (const std::string& at : {id, given}) {
    attempt([&] { rankings.add(at, Fields::parse(record)); });
    attempt([&] { rankings.shown(at, "ann"); });
    attempt([&] {
      std::istringstream exported(rankings.exported(at, ""));
      for (std::string line; std::getline(exported, line);)
        check(nlohmann::json::parse(line).is_object());
    });
  }
  check(rankings.list()["enabled"] == true);
  check(entries(outer) == 1 && entries(outer / "run") <= 1);
  fs::remove_all(outer);
  return 0;
}
