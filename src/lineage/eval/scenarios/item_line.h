#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lineage/eval/scenarios/item_file.h"

namespace lineage {

// The format that an object's keys tell; an Error that begins with `place` when it is none.
ItemFormat format_of(const nlohmann::json& object, const std::string& place);

// The item of one object, without id. An Error that begins with `place`. A task whose target is
// none of its own options, as some of BIG-Bench Hard's are, comes with `correct` -1.
Instance parse_item(const nlohmann::json& object, ItemFormat, const std::string& place);

}  // namespace lineage
