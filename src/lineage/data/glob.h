#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// Shell patterns over relative paths with '/': `*` and `?` within one component, `**` for any
// number of components, `[a-z]` and `[!a-z]`, `{py,pyi}`. As in a .gitignore, a pattern without '/'
// is matched against the last component ("*.py" finds src/a.py). A component that equals the
// pattern's letter by letter matches too: "data [v1]/*.txt" finds files in a folder "data [v1]".
class Glob {
 public:
  explicit Glob(std::string_view pattern);
  bool matches(std::string_view path) const;

 private:
  struct Alternative {
    std::vector<std::string> components;
    bool last_component_only;
  };
  std::vector<Alternative> alternatives_;  // one for each way through the braces
};

// True when any of them matches.
bool any_matches(const std::vector<Glob>&, std::string_view path);
std::vector<Glob> globs(const std::vector<std::string>& patterns);

// True when `path` holds one of * ? [ {.
bool is_pattern(std::string_view path);

}  // namespace lineage
