#include "lineage/stages/regrown.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

namespace lineage {
namespace {

// The values of a frozen config by their dotted keys, from its canonical TOML: a line a key.
std::map<std::string, std::string> values_of(const std::string& toml) {
  std::map<std::string, std::string> values;
  std::istringstream lines(toml);
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('['))
      table = line.substr(1, line.find(']') - 1) + ".";
    else if (const size_t equals = line.find(" = "); equals != std::string::npos)
      values[table + line.substr(0, equals)] = line.substr(equals + 3);
  }
  return values;
}

void config_differences(const std::string& before, const std::string& after,
                        std::vector<std::string>& out) {
  auto old = values_of(before);
  for (const auto& [key, value] : values_of(after)) {
    const auto had = old.find(key);
    if (had == old.end())
      out.push_back(fmt::format("{} is {}, and was not there", key, value));
    else if (had->second != value)
      out.push_back(fmt::format("{} is {}, and was {}", key, value, had->second));
    if (had != old.end()) old.erase(had);
  }
  for (const auto& [key, value] : old) out.push_back(fmt::format("{} was {}", key, value));
}

}  // namespace

std::string why_regrown(const Manifest& earlier, const NodeInputs& now) {
  std::vector<std::string> reasons;
  if (earlier.stage != now.stage)
    reasons.push_back(fmt::format("its stage is {}, and was {}", now.stage, earlier.stage));
  else
    config_differences(earlier.config, now.frozen, reasons);
  if (earlier.seed != now.seed)
    reasons.push_back(fmt::format("the seed is {}, and was {}", now.seed, earlier.seed));
  if (earlier.tokenizer != now.tokenizer) reasons.emplace_back("its tokenizer has changed");
  for (const auto& [name, digest] : now.data)
    if (const auto had = earlier.datasets.find(name);
        had != earlier.datasets.end() && had->second.value("digest", "") != digest)
      reasons.push_back(fmt::format("{} has other text", name));
  for (const std::string& parent : now.regrown_parents)
    reasons.push_back(fmt::format("its parent {} is trained again", parent));
  if (reasons.empty()) return "this version identifies nodes in another way";
  constexpr size_t kMost = 3;
  const size_t more = reasons.size() > kMost ? reasons.size() - kMost : 0;
  reasons.resize(reasons.size() - more);
  return fmt::format("{}{}", fmt::join(reasons, "; "),
                     more ? fmt::format("; and {} more", more) : "");
}

}  // namespace lineage
