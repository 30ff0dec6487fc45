#include "lineage/report/report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/report/page.h"

namespace lineage::cli {
namespace {

struct ReportOptions {
  std::string run = "runs", tree, out;
  std::vector<std::string> open;
  bool json = false, markdown = false;
};

// Gathers the report of a run folder or of one of its trees, or reads an exported one.
Report load(const ReportOptions& o) {
  const bool exported = fs::is_regular_file(o.run);
  if (exported && !o.tree.empty())
    throw Error(o.run +
                    ": is a report of one tree; wanted a run folder, of whose trees --tree names "
                    "one",
                "leave --tree out");
  if (exported) return parse_report(read_file(o.run), o.run);
  return gather_report(o.run, o.tree);
}

TextStyle terminal_style() {
  TextStyle style;
  style.colour = ::isatty(STDOUT_FILENO);
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.columns = size.ws_col;
  return style;
}

void run(const ReportOptions& o) {
  if (!o.out.empty()) check_report_place(o.out);
  const Report report = load(o);
  if (o.json || o.markdown) {
    const std::string text = o.json ? report_json(report) + "\n" : report_markdown(report);
    if (o.out.empty())
      fmt::print("{}", text);
    else
      write_file_atomic(o.out, text);
    return;
  }
  TextStyle style = terminal_style();
  style.open = o.open;
  fmt::print("{}", report_text(report, style));
  const fs::path out = o.out.empty() ? fs::path(report.name + ".html") : fs::path(o.out);
  if (report_page().empty() && o.out.empty()) {
    fmt::print("\nno page is written: {}\n", report_page_absence());
    return;
  }
  check_report_place(out);
  write_file_atomic(out, report_html(report));
  fmt::print("\nopen {}\n", out.string());
}

}  // namespace

void check_report_place(const fs::path& file) {
  std::error_code absent;
  if (fs::is_regular_file(file, absent) && fs::file_size(file, absent) > 0 &&
      !is_report(read_file(file)))
    throw Error(file.string() +
                    ": is there already, and is no report; wanted a new file or an "
                    "earlier report",
                "name another file with --out, or move this one away");
  check_writable_file(file, "--out");
}

void write_page(const Report& report, const fs::path& page) {
  if (report_page().empty()) {
    fmt::print("\nno report is written: {}\n", report_page_absence());
    return;
  }
  write_file_atomic(page, report_html(report));
  fmt::print("\nreport: {}\n", page.string());
}

void add_report(CLI::App& app) {
  auto o = std::make_shared<ReportOptions>();
  CLI::App* c = app.add_subcommand("report", "Show what a family tree can do, and write its page");
  c->group("Grow and measure");
  add_path(c, "RUN", o->run,
           "a run folder, one of its trees (RUN/trees/RECIPE), or a report's JSON");
  add_name(c, "--tree", o->tree, "NAME", "of a run folder with several trees: the name of one");
  add_path(c, "-o,--out", o->out,
           "the file to write; otherwise RECIPE.html here, and the others to the terminal");
  add_names(c, "--open", o->open, "NAME",
            "abilities whose finer rows the terminal shows, too, A01,A08; or all", ',');
  c->add_flag("--json", o->json, "write the data of everything shown, and no page");
  c->add_flag("--markdown", o->markdown, "write tables for a page of results, and no page");
  c->footer("Example:\n  lineage report runs --tree gpt35-nano --open A12 -o nano.html");
  c->callback([o] {
    if (o->json && o->markdown)
      throw UsageError("report: --json and --markdown are given; wanted one of them");
    run(*o);
  });
}

}  // namespace lineage::cli
