#include "lineage/run/chat_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

enum class Follows : uint8_t { nothing, may, must };

struct Command {
  ChatVerb verb;
  std::string_view name, argument;
  Follows follows;
  std::string_view about;
};

constexpr std::array<Command, 9> kCommands = {{
    {ChatVerb::retry, "/retry", "", Follows::nothing,
     "draw the last answer again, with another seed"},
    {ChatVerb::undo, "/undo", "", Follows::nothing, "take back your last turn and its answer"},
    {ChatVerb::clear, "/clear", "", Follows::nothing, "begin again; the system's turn stays"},
    {ChatVerb::system, "/system", "TEXT", Follows::may, "the system's turn; without a text: none"},
    {ChatVerb::temperature, "/temperature", "X", Follows::may,
     "0 (the most likely token each time) to 100"},
    {ChatVerb::seed, "/seed", "N", Follows::may, "of the draws"},
    {ChatVerb::save, "/save", "FILE", Follows::must,
     "write the conversation, a line of JSON for each model"},
    {ChatVerb::help, "/help", "", Follows::nothing, "these commands"},
    {ChatVerb::quit, "/quit", "", Follows::nothing, "end; so do Ctrl-D and Ctrl-C"},
}};

// Names that other programs have for a command.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOtherNames = {
    {{"/exit", "/quit"},
     {"/bye", "/quit"},
     {"/reset", "/clear"},
     {"/new", "/clear"},
     {"/again", "/retry"},
     {"/regenerate", "/retry"}}};

[[noreturn]] void refuse(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& c : kCommands) names.emplace_back(c.name);
  std::string near = nearest_name(name, names);
  for (const auto& [other, ours] : kOtherNames)
    if (other == name) near = ours;
  throw Error(fmt::format("{}: is no command; {}", name,
                          near.empty() ? "wanted one of those that /help lists"
                                       : "did you mean " + near + "?"),
              "a text that begins with / is written with two of them: /" + name);
}

}  // namespace

ChatLine read_chat_line(const std::string& line) {
  if (!line.starts_with('/')) return {ChatVerb::say, line};
  if (line.starts_with("//")) return {ChatVerb::say, line.substr(1)};
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string name = line.substr(0, end);
  std::string text = line.substr(std::min(line.find_first_not_of(" \t", end), line.size()));
  text.resize(text.find_last_not_of(" \t") + 1);
  const auto* command = std::ranges::find(kCommands, std::string_view(name), &Command::name);
  if (command == kCommands.end()) refuse(name);
  if (command->follows == Follows::must && text.empty())
    throw Error(fmt::format("{}: no {} follows; wanted one", name, command->argument));
  if (command->follows == Follows::nothing && !text.empty())
    throw Error(fmt::format("{}: \"{}\" follows; wanted nothing", name, text));
  return {command->verb, text};
}

std::string chat_commands() {
  std::string lines;
  for (const Command& c : kCommands)
    lines += fmt::format("  {:<15} {}\n", fmt::format("{} {}", c.name, c.argument), c.about);
  return lines + fmt::format("  {:<15} {}\n", "//TEXT", "a turn that begins with /");
}

}  // namespace lineage
