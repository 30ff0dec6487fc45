#pragma once

#include <span>
#include <string>
#include <vector>

namespace lineage::cli {

// The result of a program in CPython: its standard output and the class of the exception, or "".
struct PythonRun {
  std::string output, exception;
};

// Runs all programs in one process of `python`, each in a namespace of its own. An Error when it
// cannot be started or does not answer for every program.
std::vector<PythonRun> run_cpython(const std::string& python,
                                   std::span<const std::string> programs);

std::string python_version(const std::string& python);  // "Python 3.11.2"

}  // namespace lineage::cli
