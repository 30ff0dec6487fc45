#pragma once

#include <string_view>

namespace lineage {

// The page of web/ as one HTML document, with a place for the report's data; empty when the program
// was built without it, and then the other function has the reason. Defined in a generated file.
std::string_view report_page();
std::string_view report_page_absence();

}  // namespace lineage
