#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "lineage/eval/scenarios/item_file.h"

namespace lineage {

// The format that an object's keys tell; an Error that begins with `place` when it is none, which
// names the benchmark where its records are known and not read.
ItemFormat format_of(const nlohmann::json& object, const std::string& place);

// The item of one object, without id. An Error that begins with `place`. A task whose target is
// none of its own options, as some of BIG-Bench Hard's are, comes with `correct` -1.
Instance parse_item(const nlohmann::json& object, ItemFormat, const std::string& place);

// Keys of the object that the format does not use go to `left_out`; an Error that begins with
// `place` for one that may hold a part of the question and is not in `allowed`.
void check_keys(const nlohmann::json& object, ItemFormat, const std::vector<std::string>& allowed,
                const std::string& place, std::set<std::string>& left_out);

}  // namespace lineage
