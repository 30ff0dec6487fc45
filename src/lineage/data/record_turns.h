#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/chat.h"

namespace lineage {

// The remarks of a reader on a record, for the provenance.
struct RecordRemarks {
  std::string_view dropped{};        // why a sound record gives nothing (source.h)
  std::vector<std::string> notes{};  // its unused parts
};

// The parts of a JSON record that are turns of a conversation, for readers of records with some.
// Text whose key no find() asked for is told by note_unused(). Throws Errors that name the place.
class RecordTurns {
 public:
  using Json = nlohmann::json;
  using Turns = std::vector<Turn>;

  RecordTurns(const Json& record, const std::string& place) : record_(record), place_(place) {}

 protected:
  // The value of a key unless it is empty or blank; the key then counts as used.
  const Json* find(const std::string& key);
  // A list of turns; also of texts that come in turn, the user's first.
  Turns messages(const Json& list, const std::string& key);
  // The value of the first key that holds a conversation ("messages", …), as turns.
  std::optional<Turns> message_list();
  void add_message(const Json&, Turns&);
  // The user's text, or turns, in a record without a list of messages; nothing when there is none.
  std::optional<Turns> request();
  // The record's system text and history before its own turns.
  Turns with_context(Turns);
  // hh-rlhf: "\n\nHuman: …\n\nAssistant: …". `key` names the text in messages.
  Turns transcript(std::string_view text, std::string_view key) const;
  // Removes turns after the last answer, with a note; false if there is no answer.
  bool end_with_answer(Turns&);
  // Counts the keys with text that is in no turn.
  void note_unused(std::span<const Turns>);
  // "id, text, …", for messages.
  std::string keys() const;
  // The command that takes records out of one that holds them; "" if it holds none.
  std::string help_with_records() const;

  // A text, or the texts of content parts ({"type": "text", "text": "…"}) joined.
  static std::string text_in(const Json&, const std::string& what);
  // OpenAssistant: the replies to a turn that were not deleted.
  static std::vector<const Json*> replies(const Json& turn);
  static const Json* first_of(const Json& object, std::initializer_list<const char*> keys);
  static bool is_messages(const Json&);
  // Turns that continue others; they may repeat those at their beginning, behind a system's.
  static Turns join(Turns first, Turns next);

  const Json& record_;
  const std::string& place_;
  std::set<std::string> used_;
  RecordRemarks remarks_;

 private:
  void add_past(const Json& pair, Turns&);
};

// A value in a message: a scalar as it stands, of any other the type.
std::string json_in_short(const nlohmann::json&);

// The keys of a record that hold an answer. docs/formats.md lists them.
std::span<const char* const> answer_keys();

}  // namespace lineage
