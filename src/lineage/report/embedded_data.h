#pragma once

#include <string>
#include <string_view>

namespace lineage {

// A gzip file of it (RFC 1952). Equal text gives equal bytes.
// `level`: zlib's, 1 (fast) to 9 (small).
std::string gzip(std::string_view text, int level = 9);

// Text as it is embedded in a page: gzip (RFC 1952), then base64 (RFC 4648, section 4), which needs
// no escaping in HTML. Equal text gives equal bytes.
std::string embedded_data(std::string_view text);

}  // namespace lineage
