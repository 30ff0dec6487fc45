#include "lineage/data/glob.h"

#include <algorithm>

namespace lineage {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    at = end + 1;
  }
  return parts;
}

// One string for each choice of the first pair of braces, and so on; braces do not nest.
void expand_braces(const std::string& pattern, std::vector<std::string>& out) {
  const size_t open = pattern.find('{');
  const size_t close = open == std::string::npos ? open : pattern.find('}', open);
  if (close == std::string::npos || out.size() > 1000) {
    out.push_back(pattern);
    return;
  }
  for (size_t at = open + 1; at <= close;) {
    const size_t end = std::min(pattern.find(',', at), close);
    expand_braces(
        pattern.substr(0, open) + pattern.substr(at, end - at) + pattern.substr(close + 1), out);
    at = end + 1;
  }
}

// Whether the set that begins at pattern[at] == '[' holds c; moves `at` behind it.
bool in_set(std::string_view pattern, size_t& at, char c) {
  const size_t close = pattern.find(']', at + 2);
  if (close == std::string_view::npos) return pattern[at++] == c;  // a bare '['
  std::string_view set = pattern.substr(at + 1, close - at - 1);
  at = close + 1;
  const bool negated = set.front() == '!' || set.front() == '^';
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      found |= set[i] <= c && c <= set[i + 2];
      i += 2;
    } else {
      found |= set[i] == c;
    }
  }
  return found != negated;
}

// `*` by going back to the last star only: quadratic at worst, never exponential.
bool component_matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    size_t next = p;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, star_name = n;
    } else if (p < pattern.size() && (pattern[p] == '['   ? in_set(pattern, next, name[n])
                                      : pattern[p] == '?' ? ++next > 0
                                                          : pattern[next++] == name[n])) {
      p = next, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1, n = ++star_name;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

// reach[j]: the pattern so far matches the first j components of the path.
bool components_match(const std::vector<std::string>& pattern,
                      const std::vector<std::string>& path) {
  std::vector<char> reach(path.size() + 1, 0);
  reach[0] = 1;
  for (const std::string& part : pattern) {
    std::vector<char> next(path.size() + 1, 0);
    if (part == "**") {
      char any = 0;
      for (size_t j = 0; j <= path.size(); ++j) next[j] = any |= reach[j];
    } else {
      for (size_t j = 0; j < path.size(); ++j)
        next[j + 1] = reach[j] && (part == path[j] || component_matches(part, path[j]));
    }
    reach = std::move(next);
  }
  return reach.back();
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  std::vector<std::string> choices;
  expand_braces(std::string(pattern), choices);
  for (const std::string& choice : choices)
    alternatives_.push_back({split_path(choice), choice.find('/') == std::string::npos});
}

bool Glob::matches(std::string_view path) const {
  const std::vector<std::string> parts = split_path(path);
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const Alternative& a) {
    if (a.last_component_only && a.components.size() == 1)
      return !parts.empty() && components_match(a.components, {parts.back()});
    return components_match(a.components, parts);
  });
}

bool any_matches(const std::vector<Glob>& patterns, std::string_view path) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const Glob& g) { return g.matches(path); });
}

std::vector<Glob> globs(const std::vector<std::string>& patterns) {
  return std::vector<Glob>(patterns.begin(), patterns.end());
}

bool is_pattern(std::string_view path) {
  return path.find_first_of("*?[{") != std::string_view::npos;
}

}  // namespace lineage
