#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "lineage/base/progress.h"
#include "lineage/comm/communicator.h"
#include "lineage/report/report.h"

namespace lineage::cli {

// One function a subcommand, each in its own file; it declares the options and the work.
void add_grow(CLI::App&);
void add_complete(CLI::App&);
void add_score(CLI::App&);
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

// The page of a report, or a line that says why it is not written.
void write_page(const Report&, const std::filesystem::path& page);

// An Error unless a report may be written there: it replaces an earlier one and nothing else.
void check_report_place(const std::filesystem::path& file);

// On a terminal one line that moves, elsewhere a plain line now and then. Silent on other ranks.
std::unique_ptr<Progress> terminal_progress();

// SIGINT, SIGTERM, SIGHUP and SIGUSR1 ask a run to save its state and stop; a second SIGINT or
// SIGTERM ends it at once.
void catch_interrupts();
bool interrupted();

std::filesystem::path home_folder();  // what ~ is in a recipe; empty where HOME is not set
void set_threads(int threads);        // 0: all cores, or a rank's share of them under mpirun

}  // namespace lineage::cli
