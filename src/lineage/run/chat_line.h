#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lineage {

// What a line of a conversation asks for.
enum class ChatVerb : uint8_t {
  say,
  system,
  retry,
  undo,
  clear,
  save,
  seed,
  temperature,
  help,
  quit
};

struct ChatLine {
  ChatVerb verb = ChatVerb::say;
  std::string text;  // of the turn, or what follows the command; may be empty
};

// A line that begins with "/" is a command, "/save FILE"; with "//" it is the text behind the first
// "/". An Error for an unknown command names the nearest one; others are for a command that lacks
// its argument or takes none.
ChatLine read_chat_line(const std::string& line);

// A line for each command.
std::string chat_commands();

}  // namespace lineage
