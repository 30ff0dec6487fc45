#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lineage::cli {

// The arguments of a command line (without the program's name) in an unambiguous order: the
// commands, each option with its value as an argument of its own, then "--" and the positional
// arguments. So options may come before and after positionals, `--out=` is an empty path, and a
// value may begin with a dash. `help` in place of a command is --help of the next. A UsageError
// names the first unknown argument, with the nearest known one, a missing value or argument, and an
// option that is given twice where one value is wanted.
std::vector<std::string> arrange(const CLI::App& root, const std::vector<std::string>& arguments);

// A command line as a shell reads it, "lineage eval runs -n 100 --set 'a.b = c'": a run's record of
// its command.
std::string quoted_command(const std::vector<std::string>& arguments);

// The command of this process, as typed; main() sets it.
const std::string& command_as_typed();
void set_command_as_typed(std::string);

}  // namespace lineage::cli
