#pragma once

#include <map>
#include <optional>
#include <string>

#include "lineage/http/http.h"

namespace lineage {

// The page that this server opens on: its document, script and style, as they are embedded in the
// program. They need no key: they hold nothing of a model or a run.
class PageFiles {
 public:
  PageFiles();
  // The answer to a request for one of them, compressed where the client takes that; 404 with the
  // reason for a program without the page. Nothing for another path.
  std::optional<HttpResponse> answer(const std::string& path, const HttpRequest&) const;
  static bool has(const std::string& path);

 private:
  struct File {
    const char* type;
    std::string plain, gzip, tag;  // the tag is of the content (RFC 9110, section 8.8.3)
  };
  std::map<std::string, File> files_;
};

}  // namespace lineage
