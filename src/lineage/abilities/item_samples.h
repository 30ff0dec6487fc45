#pragma once

#include <memory>
#include <vector>

#include "lineage/world/gallery/gallery.h"

namespace lineage {

// The test items of every scenario as samples of the group "probe": from the item `first` on.
std::vector<SampleKind> item_samples(const std::shared_ptr<const World>&);

}  // namespace lineage
