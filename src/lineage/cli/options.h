#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"

namespace lineage::cli {

// The program's exit statuses besides 0; docs/errors.md has the table.
constexpr int kErrorStatus = 1;
constexpr int kUsageStatus = 2;         // the command line is not understood
constexpr int kInterruptedStatus = 75;  // EX_TEMPFAIL: the work is saved; start it again

// A command line that cannot be understood.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Functions that declare the options of all commands. Each option takes exactly one value per
// occurrence, so a positional argument may follow it; a value is checked when it is read, and a
// UsageError names the option, the value and the wanted one.

constexpr int64_t kManyTokens = 1'000'000'000;  // the most that an option accepts
constexpr int kMaxThreads = 1024;               // more exhaust a process's stack or its limits

namespace detail {

// `type` represents the value in --help; `take` gets each value and the option's name.
CLI::Option* add_values(CLI::App*, const std::string& names, const char* type,
                        const std::string& help,
                        std::function<void(const std::string& value, const std::string& name)>);
int64_t whole_number(const std::string& value, const std::string& name, Range);
uint64_t seed_number(const std::string& value, const std::string& name);
double real_number(const std::string& value, const std::string& name, Range);
// One of `words`, by its place among them.
CLI::Option* add_word(CLI::App*, const std::string& names, std::vector<std::string> words,
                      const std::string& help, std::function<void(size_t)> take);

}  // namespace detail

// When the output has colours.
enum class Colour : uint8_t { automatic, always, never };
constexpr std::array<std::string_view, 3> enum_names(Colour) { return {"auto", "always", "never"}; }
inline bool coloured(Colour c, bool terminal) {
  return c == Colour::always || (c == Colour::automatic && terminal);
}

// A number of this range, whose bounds are finite.
template <class T>
CLI::Option* add_number(CLI::App* c, const std::string& names, T& into, Range range,
                        const std::string& help) {
  return detail::add_values(c, names, "N", help,
                            [&into, range](const std::string& value, const std::string& name) {
                              if constexpr (std::is_floating_point_v<T>)
                                into = detail::real_number(value, name, range);
                              else
                                into = static_cast<T>(detail::whole_number(value, name, range));
                            })
      ->default_str([&into] {
        std::ostringstream text;
        text << into;
        return text.str();
      }());
}

// Any unsigned 64-bit number.
CLI::Option* add_seed(CLI::App*, const std::string& names, uint64_t& into, const std::string& help);
CLI::Option* add_seed(CLI::App*, const std::string& names, std::optional<uint64_t>& into,
                      const std::string& help);

// Any text, an empty one too.
CLI::Option* add_text(CLI::App*, const std::string& names, std::string& into,
                      const std::string& help);
// The same for an option that may be repeated.
CLI::Option* add_texts(CLI::App*, const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
// One of the enum's names.
template <class Enum>
requires std::is_enum_v<Enum> CLI::Option* add_choice(CLI::App* c, const std::string& names,
                                                      Enum& into, const std::string& help) {
  const auto all = enum_names(Enum());
  return detail::add_word(c, names, {all.begin(), all.end()}, help,
                          [&into](size_t i) { into = static_cast<Enum>(i); })
      ->default_str(std::string(all[enum_index(into)]));
}
// Text that may not be empty; `type` is shown in --help.
CLI::Option* add_name(CLI::App*, const std::string& names, std::string& into, const char* type,
                      const std::string& help);
// A file or a folder. An empty path, as from an unset variable, would be the working folder.
CLI::Option* add_path(CLI::App*, const std::string& names, std::string& into,
                      const std::string& help);

// Options that may be given several times, positionals that may be several. With `delimiter` each
// value may be a list, too.
CLI::Option* add_names(CLI::App*, const std::string& names, std::vector<std::string>& into,
                       const char* type, const std::string& help, char delimiter = 0);
CLI::Option* add_paths(CLI::App*, const std::string& names, std::vector<std::string>& into,
                       const std::string& help);

CLI::Option* add_threads(CLI::App*, int& into);
CLI::Option* add_sets(CLI::App*, std::vector<std::string>& into);

}  // namespace lineage::cli
