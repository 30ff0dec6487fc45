#include "lineage/serve/page_files.h"

#include <array>

#include "lineage/base/digest.h"
#include "lineage/report/embedded_data.h"
#include "lineage/report/page.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

constexpr std::array<std::string_view, 3> kPagePaths = {"/", "/assets/app.js", "/assets/app.css"};

// Nothing from elsewhere, no script but the page's own file, no frame around it. Figures carry
// their own style elements.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

PageFiles::PageFiles() {
  const ServedPage page = served_page();
  if (page.html.empty()) return;
  const auto add = [&](std::string_view path, const char* type, std::string_view content) {
    std::string plain(content);
    files_[std::string(path)] = {type, plain, gzip(plain),
                                 '"' + digest_of(plain).substr(0, 16) + '"'};
  };
  add(kPagePaths[0], "text/html; charset=utf-8", page.html);
  add(kPagePaths[1], "text/javascript; charset=utf-8", page.script);
  add(kPagePaths[2], "text/css; charset=utf-8", page.style);
}

bool PageFiles::has(const std::string& path) {
  return std::ranges::find(kPagePaths, path) != kPagePaths.end();
}

std::optional<HttpResponse> PageFiles::answer(const std::string& path,
                                              const HttpRequest& request) const {
  if (!has(path)) return {};
  const auto found = files_.find(path);
  if (found == files_.end())
    return error_response(
        ApiError(404, "this program has no page: " + std::string(report_page_absence())));
  const File& file = found->second;
  HttpResponse r{200,
                 {{"Content-Type", file.type},
                  {"Cache-Control", "no-cache"},  // asked for again, and 304 where it is the same
                  {"ETag", file.tag},
                  {"Vary", "Accept-Encoding"},
                  {"Content-Security-Policy", kPolicy},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "no-referrer"}},
                 ""};
  if (request.header("if-none-match") == file.tag) {
    r.status = 304;
    return r;
  }
  const bool zipped =
      request.header("accept-encoding").value_or("").find("gzip") != std::string_view::npos;
  if (zipped) r.headers.emplace_back("Content-Encoding", "gzip");
  r.body = zipped ? file.gzip : file.plain;
  return r;
}

}  // namespace lineage
