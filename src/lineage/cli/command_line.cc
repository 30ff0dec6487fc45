#include "lineage/cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "lineage/base/config.h"
#include "lineage/cli/options.h"

namespace lineage::cli {
namespace {

// Other programs' names for our commands.
const std::map<std::string, std::string, std::less<>> kOtherNames = {
    {"talk", "chat"},         {"generate", "complete"}, {"sample", "complete"},
    {"run", "complete"},      {"train", "grow"},        {"fit", "grow"},
    {"resume", "grow"},       {"evaluate", "eval"},     {"measure", "eval"},
    {"convert", "import hf"}, {"show", "world show"},   {"audit", "world audit"},
    {"perplexity", "score"},  {"version", "--version"}, {"benchmark", "bench"}};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option*) { return true; });
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* c : commands) names.push_back(c->get_name());
  return names;
}

// "lineage world show"
std::string full_name(const CLI::App& app) {
  return app.get_parent() ? full_name(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

// As errors name it: without the program's name, unless it is the program itself.
std::string place_of(const CLI::App& app) {
  const std::string name = full_name(app);
  return app.get_parent() ? name.substr(name.find(' ') + 1) : name;
}

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* o : options_of(app))
    if (o->nonpositional() && o->check_name(name)) return o;
  return nullptr;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

bool repeats(const CLI::Option& option) {
  return !takes_value(option) ||
         option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
}

void add_holders(const CLI::App& app, const std::string& option, std::vector<std::string>& names) {
  if (app.get_parent() && find_option(app, option)) names.push_back(place_of(app));
  for (const CLI::App* c : commands_of(app)) add_holders(*c, option, names);
}

[[noreturn]] void refuse_option(const CLI::App& root, const CLI::App& app,
                                const std::string& option) {
  std::vector<std::string> known, elsewhere;
  for (const CLI::Option* o : options_of(app))
    for (const std::string& name : o->get_lnames()) known.push_back("--" + name);
  const std::string near = nearest_name(option, known);
  if (near.empty()) add_holders(root, option, elsewhere);
  std::string what = fmt::format("{}: no option is called {}", place_of(app), option);
  if (!near.empty())
    what += fmt::format("; did you mean {}?", near);
  else if (!elsewhere.empty())
    what += fmt::format("; {} {} it, behind the command's name", fmt::join(elsewhere, ", "),
                        elsewhere.size() == 1 ? "has" : "have");
  throw UsageError(what, full_name(app) +
                             " --help lists the options; text that begins with a dash "
                             "comes after --");
}

[[noreturn]] void refuse_command(const CLI::App& app, const std::string& name) {
  const std::vector<std::string> known = names_of(commands_of(app));
  std::string near = nearest_name(name, known);
  if (near.empty() && !app.get_parent())
    if (const auto other = kOtherNames.find(name); other != kOtherNames.end()) near = other->second;
  std::string what = fmt::format("{}: no command is called \"{}\"", place_of(app), name);
  what += near.empty() ? fmt::format("; wanted one of {}", fmt::join(known, ", "))
                       : fmt::format("; did you mean {}?", near);
  throw UsageError(what, full_name(app) + " --help lists the commands");
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& app) {
  std::vector<const CLI::Option*> result;
  for (const CLI::Option* o : options_of(app))
    if (o->get_positional()) result.push_back(o);
  return result;
}

// An option as given on the command line, with its value.
struct Given {
  const CLI::Option* option;
  std::string name;
  std::optional<std::string> value;
};

Given read_option(const CLI::App& root, const CLI::App& app,
                  const std::vector<std::string>& arguments, size_t& at) {
  const std::string& argument = arguments[at++];
  const bool is_long = argument.starts_with("--");
  const size_t equals = argument.find('=');
  // Behind a short name the value may follow at once: -n5, -n=5.
  const std::string name = is_long ? argument.substr(0, equals) : argument.substr(0, 2);
  const CLI::Option* option = find_option(app, name);
  if (!option) refuse_option(root, app, is_long ? name : argument);
  Given given{option, name, {}};
  if (is_long && equals != argument.npos)
    given.value = argument.substr(equals + 1);
  else if (!is_long && argument.size() > 2)
    given.value = argument.substr(argument[2] == '=' ? 3 : 2);
  if (!takes_value(*option)) {
    if (given.value)
      throw UsageError(fmt::format("{}: {} has the value \"{}\"; wanted none", place_of(app), name,
                                   *given.value));
    return given;
  }
  if (!given.value) {
    if (at == arguments.size())
      throw UsageError(fmt::format("{}: no value follows {}; wanted one", place_of(app), name),
                       option->get_description());
    given.value = arguments[at++];
  }
  return given;
}

void check_positionals(const CLI::App& app, const std::vector<std::string>& given) {
  const auto wanted = positionals_of(app);
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]->get_required() && i >= given.size())
      throw UsageError(fmt::format("{}: {} is missing", place_of(app), wanted[i]->get_name()),
                       fmt::format("{} is {}; {} --help has an example", wanted[i]->get_name(),
                                   wanted[i]->get_description(), full_name(app)));
  const bool open = !wanted.empty() && wanted.back()->get_items_expected_max() > 1;
  if (given.size() > wanted.size() && !open) {
    std::vector<std::string> names;
    for (const CLI::Option* o : wanted) names.push_back(o->get_name());
    throw UsageError(
        fmt::format("{}: \"{}\" is one argument too many; wanted {}", place_of(app),
                    given[wanted.size()],
                    names.empty() ? "options alone" : fmt::format("{}", fmt::join(names, " "))),
        "text of several words is one argument in quotes");
  }
}

void check_options(const CLI::App& app, const std::vector<Given>& given) {
  std::map<const CLI::Option*, int> times;
  for (const Given& g : given)
    if (++times[g.option] > 1 && !repeats(*g.option))
      throw UsageError(fmt::format("{}: {} is given twice; wanted it once", place_of(app), g.name));
  for (const CLI::Option* o : options_of(app))
    if (o->nonpositional() && o->get_required() && !times.contains(o))
      throw UsageError(fmt::format("{}: --{} is missing", place_of(app), o->get_lnames()[0]),
                       fmt::format("--{} is {}", o->get_lnames()[0], o->get_description()));
}

bool asks_for_help(const std::string& name) {
  return name == "-h" || name == "--help" || name == "--help-all" || name == "--version";
}

}  // namespace

std::vector<std::string> arrange(const CLI::App& root, const std::vector<std::string>& arguments) {
  const CLI::App* app = &root;
  std::vector<std::string> path, positionals;
  std::vector<Given> options;
  bool no_more_options = false, help = false;
  for (size_t at = 0; at < arguments.size();) {
    const std::string& argument = arguments[at];
    const auto commands = commands_of(*app);
    if (!no_more_options && argument == "--") {
      no_more_options = true;
      ++at;
    } else if (!no_more_options && argument.size() > 1 && argument[0] == '-') {
      Given given = read_option(root, *app, arguments, at);
      if (asks_for_help(given.name)) {
        path.push_back(given.name);
        return path;
      }
      options.push_back(std::move(given));
    } else if (commands.empty()) {
      positionals.push_back(argument);
      ++at;
    } else if (app == &root && argument == "help" && !help) {
      help = true;
      ++at;
    } else {
      const auto command = std::ranges::find(commands, argument, &CLI::App::get_name);
      if (command == commands.end()) refuse_command(*app, argument);
      app = *command;
      path.push_back(argument);
      ++at;
    }
  }
  if (help) {
    path.push_back("--help");
    return path;
  }
  if (const auto commands = commands_of(*app); !commands.empty())
    throw UsageError(fmt::format("{}: no command follows; wanted one of {}", place_of(*app),
                                 fmt::join(names_of(commands), ", ")),
                     full_name(*app) + " --help says what they do");
  check_options(*app, options);
  check_positionals(*app, positionals);
  std::vector<std::string> result = std::move(path);
  for (const Given& g : options) {
    result.push_back(g.name);
    if (g.value) result.push_back(*g.value);
  }
  if (!positionals.empty()) result.push_back("--");
  result.insert(result.end(), positionals.begin(), positionals.end());
  return result;
}

std::string quoted_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=+@%";
  std::string command = "lineage";
  for (const std::string& a : arguments) {
    command += ' ';
    if (!a.empty() && a.find_first_not_of(kPlain) == a.npos) {
      command += a;
      continue;
    }
    command += '\'';
    for (const char c : a) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += '\'';
  }
  return command;
}

namespace {

std::string& typed() {
  static std::string command = "lineage";
  return command;
}

}  // namespace

const std::string& command_as_typed() { return typed(); }
void set_command_as_typed(std::string command) { typed() = std::move(command); }

}  // namespace lineage::cli
