#pragma once

#include <string_view>

namespace lineage {

// The pages of web/, defined in a generated file. All of them are empty when the program was built
// without them, and then the last function has the reason.

// One HTML document, with a place for a report's data.
std::string_view report_page();

// What `lineage serve` opens on. The document loads /assets/app.js and /assets/app.css.
struct ServedPage {
  std::string_view html, script, style;
};
ServedPage served_page();

std::string_view report_page_absence();

}  // namespace lineage
