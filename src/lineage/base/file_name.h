#pragma once

#include <string>
#include <string_view>

namespace lineage {

// The one check of a name that becomes a part of a path: of a recipe, a node, a source, a file that
// a manifest lists. Letters of any language, digits, inner blanks and all marks but slashes are
// allowed. An Error for a name of another place or one that no file can have: an empty name, "/" or
// "\", a control character, text that is not UTF-8, a dot or blank at its beginning, a blank at its
// end, more bytes than a file name has room for beside what Lineage adds (a digest, the mark of a
// partial file).
//
// `place` and `what` are for the message: "r.toml:3: nodes", "node".
void check_file_name(std::string_view name, const std::string& place, std::string_view what);

}  // namespace lineage
