#pragma once

#include <string>
#include <string_view>

namespace lineage {

// A key of the frozen config of a node, and of recipes, that had another name in earlier versions.
struct RenamedKey {
  std::string_view path;  // the earlier one: "model.hidden"
  std::string_view name;  // the last part of today's
};
constexpr RenamedKey kRenamedKeys[] = {
    {"model.hidden", "mlp_width"},
    {"model.previous_token", "token_shift"},
    {"feedme.least_rating", "min_rating"},
};

// A frozen config with today's names; unchanged if all are.
std::string with_renamed_keys(const std::string& toml, const std::string& place);

}  // namespace lineage
