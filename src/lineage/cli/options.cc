#include "lineage/cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace lineage::cli {
namespace {

// "--max-tokens (-n)", or a positional's name.
std::string shown_name(const CLI::Option& option) {
  if (!option.nonpositional()) return option.get_name();
  const auto& longs = option.get_lnames();
  const auto& shorts = option.get_snames();
  if (longs.empty()) return "-" + shorts[0];
  if (shorts.empty() || shorts[0] == longs[0]) return "--" + longs[0];
  return fmt::format("--{} (-{})", longs[0], shorts[0]);
}

// 1_000_000 reads as 1000000.
std::string without_separators(const std::string& value) {
  std::string digits;
  for (size_t i = 0; i < value.size(); ++i) {
    const bool between =
        i > 0 && i + 1 < value.size() && std::isdigit(value[i - 1]) && std::isdigit(value[i + 1]);
    if (value[i] != '_' || !between) digits += value[i];
  }
  return digits;
}

template <class T>
std::optional<T> parse(const std::string& value) {
  const std::string digits = without_separators(value);
  T number{};
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

// A number as it was typed, other text in quotes.
std::string shown_value(const std::string& value) {
  const bool digits = !value.empty() && value.find_first_not_of("+-0123456789.") == value.npos;
  return digits ? value : "\"" + value + "\"";
}

[[noreturn]] void refuse(const std::string& name, const std::string& value,
                         const std::string& wanted) {
  throw UsageError(fmt::format("{} is {}; wanted {}", name, shown_value(value), wanted));
}

void require_text(const std::string& value, const std::string& name, std::string_view wanted) {
  if (value.empty())
    throw UsageError(fmt::format("{} is empty; wanted {}", name, wanted),
                     "if it is a shell's variable, see that it is set");
}

}  // namespace

namespace detail {

CLI::Option* add_values(
    CLI::App* c, const std::string& names, const char* type, const std::string& help,
    std::function<void(const std::string& value, const std::string& name)> take) {
  // The values are taken by each(), which is given them as they were typed; a callback of its own
  // keeps CLI11 from splitting "[a,b]" and reading "{}" as an empty list.
  CLI::Option* option =
      c->add_option(names, CLI::callback_t([](const CLI::results_t&) { return true; }), help);
  option->type_size(1)->expected(1)->type_name(type)->allow_extra_args(false);
  return option->each(
      [option, take = std::move(take)](const std::string& v) { take(v, shown_name(*option)); });
}

int64_t whole_number(const std::string& value, const std::string& name, Range range) {
  const auto number = parse<int64_t>(value);
  if (!number || !range.contains(static_cast<double>(*number)))
    refuse(name, value,
           fmt::format("a whole number from {} to {}", static_cast<int64_t>(range.low),
                       static_cast<int64_t>(range.high)));
  return *number;
}

uint64_t seed_number(const std::string& value, const std::string& name) {
  const auto number = parse<uint64_t>(value);
  if (!number)
    refuse(name, value,
           fmt::format("a whole number from 0 to {}", std::numeric_limits<uint64_t>::max()));
  return *number;
}

double real_number(const std::string& value, const std::string& name, Range range) {
  const auto number = parse<double>(value);
  if (!number || !range.contains(*number)) refuse(name, value, "a number " + range.text());
  return *number;
}

CLI::Option* add_word(CLI::App* c, const std::string& names, std::vector<std::string> words,
                      const std::string& help, std::function<void(size_t)> take) {
  return add_values(
      c, names, "WORD", help, [words, take](const std::string& value, const std::string& name) {
        const auto found = std::ranges::find(words, value);
        if (found == words.end())
          throw UsageError(
              fmt::format("{} is \"{}\"; wanted one of {}", name, value, fmt::join(words, ", ")));
        take(static_cast<size_t>(found - words.begin()));
      });
}

}  // namespace detail

CLI::Option* add_seed(CLI::App* c, const std::string& names, uint64_t& into,
                      const std::string& help) {
  return detail::add_values(c, names, "N", help,
                            [&into](const std::string& value, const std::string& name) {
                              into = detail::seed_number(value, name);
                            })
      ->default_str(std::to_string(into));
}

CLI::Option* add_seed(CLI::App* c, const std::string& names, std::optional<uint64_t>& into,
                      const std::string& help) {
  return detail::add_values(c, names, "N", help,
                            [&into](const std::string& value, const std::string& name) {
                              into = detail::seed_number(value, name);
                            });
}

CLI::Option* add_text(CLI::App* c, const std::string& names, std::string& into,
                      const std::string& help) {
  return detail::add_values(c, names, "TEXT", help,
                            [&into](const std::string& value, const std::string&) { into = value; })
      ->default_str(into);
}

CLI::Option* add_texts(CLI::App* c, const std::string& names, std::vector<std::string>& into,
                       const std::string& help) {
  return detail::add_values(
             c, names, "TEXT", help,
             [&into](const std::string& value, const std::string&) { into.push_back(value); })
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

CLI::Option* add_name(CLI::App* c, const std::string& names, std::string& into, const char* type,
                      const std::string& help) {
  return detail::add_values(c, names, type, help,
                            [&into](const std::string& value, const std::string& name) {
                              require_text(value, name, "some text");
                              into = value;
                            })
      ->default_str(into);
}

CLI::Option* add_path(CLI::App* c, const std::string& names, std::string& into,
                      const std::string& help) {
  return detail::add_values(c, names, "PATH", help,
                            [&into](const std::string& value, const std::string& name) {
                              require_text(value, name, "a path");
                              into = value;
                            })
      ->default_str(into);
}

CLI::Option* add_names(CLI::App* c, const std::string& names, std::vector<std::string>& into,
                       const char* type, const std::string& help, char delimiter) {
  CLI::Option* option = detail::add_values(
      c, names, type, help, [&into, delimiter](const std::string& value, const std::string& name) {
        const std::string list = value + (delimiter ? std::string(1, delimiter) : "");
        for (size_t at = 0, end; at < std::max<size_t>(1, list.size()); at = end + 1) {
          end = delimiter ? list.find(delimiter, at) : list.size();
          require_text(list.substr(at, end - at), name, "some text");
          into.push_back(list.substr(at, end - at));
        }
      });
  if (!option->nonpositional())  // else CLI11 gives such a positional one value only
    option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args();
  return option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

CLI::Option* add_paths(CLI::App* c, const std::string& names, std::vector<std::string>& into,
                       const std::string& help) {
  return add_names(c, names, into, "PATH", help);
}

CLI::Option* add_threads(CLI::App* c, int& into) {
  return add_number(c, "--threads", into, between(0, kMaxThreads),
                    "compute threads of this process; 0: all cores");
}

CLI::Option* add_sets(CLI::App* c, std::vector<std::string>& into) {
  return detail::add_values(
             c, "--set", "KEY=VALUE", "a.b=c sets a key of the recipe; may be repeated",
             [&into](const std::string& value, const std::string& name) {
               if (value.find('=') == value.npos || value.front() == '=')
                 throw UsageError(fmt::format("{} is \"{}\"; wanted KEY=VALUE", name, value),
                                  "--set run.eval_tokens=8192 for example; `lineage grow --keys` "
                                  "lists the keys");
               into.push_back(value);
             })
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace lineage::cli
