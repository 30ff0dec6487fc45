#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "lineage/base/progress.h"
#include "lineage/comm/communicator.h"
#include "lineage/report/report.h"

namespace lineage::cli {

// One function for each subcommand, in its own file; it declares the options and the work.
void add_grow(CLI::App&);
void add_chat(CLI::App&);
void add_complete(CLI::App&);
void add_score(CLI::App&);
void add_serve(CLI::App&);
void add_eval(CLI::App&);
void add_import(CLI::App&);
void add_export(CLI::App&);
void add_info(CLI::App&);
void add_report(CLI::App&);
void add_prune(CLI::App&);
void add_bench(CLI::App&);
void add_selftest(CLI::App&);
void add_world(CLI::App&);
void add_world_audit(CLI::App& world);

// Writes the page of a report, or prints a line with the reason why not.
void write_page(const Report&, const std::filesystem::path& page);

// An Error unless a report may be written there: it may replace only an earlier report.
void check_report_place(const std::filesystem::path& file);

// On a terminal one line that moves, elsewhere a plain line now and then. Silent on other ranks.
std::unique_ptr<Progress> terminal_progress();

// On SIGINT, SIGTERM, SIGHUP or SIGUSR1 a run saves its state and stops; a second SIGINT or SIGTERM
// ends it at once.
void catch_interrupts();
bool interrupted();

// For a conversation on a terminal, which has no state to save: SIGINT alone is caught, and stops
// an answer or ends read_line(). Once the answer has stopped it is forgotten.
void catch_stop_of_answer();
void forget_interrupt();

// The next line of standard input without its end; none at the end of the input, or when a caught
// SIGINT comes first.
std::optional<std::string> read_line();

size_t terminal_columns();  // characters a line

// "error: …" and "help:  …" on standard error.
void print_error(const std::string& what, const std::string& hint, bool colour);

std::filesystem::path home_folder();  // ~ in a recipe; empty if HOME is not set
void set_threads(int threads);        // 0: all cores, or a rank's share of them under mpirun

}  // namespace lineage::cli
