#include "lineage/data/conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/files.h"
#include "lineage/data/source.h"
#include "lineage/data/stream.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr std::string_view kFormats =
    "wanted messages, instruction + output, instruction + instances, or prompt + completion";
constexpr size_t kMaxRecord = size_t{64} << 20;  // bytes

const std::string* text_at(const json& record, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const auto it = record.find(key); it != record.end() && it->is_string())
      return it->get_ptr<const std::string*>();
  return nullptr;
}

Role role_of(const std::string& name, const std::string& place) {
  if (name == "system") return Role::system;
  if (name == "user" || name == "human") return Role::user;
  if (name == "assistant" || name == "gpt") return Role::assistant;
  throw Error(fmt::format("{}: role is \"{}\"; wanted system, user or assistant", place, name));
}

std::vector<Turn> messages(const json& list, const std::string& place) {
  require(list.is_array() && !list.empty(), place, ": messages is ",
          list.is_array() ? "empty" : list.type_name(), "; wanted an array of turns");
  std::vector<Turn> turns;
  for (const json& m : list) {
    const std::string* role = m.is_object() ? text_at(m, {"role", "from"}) : nullptr;
    const std::string* text = m.is_object() ? text_at(m, {"content", "value"}) : nullptr;
    require(role && text, place, ": turn ", turns.size(),
            " has no role and content; wanted two strings");
    turns.push_back({role_of(*role, place), *text});
  }
  return turns;
}

std::vector<Turn> instruction(const std::string& wanted, const std::string* input,
                              const std::string* output) {
  std::vector<Turn> turns = {
      {Role::user, input && !input->empty() ? wanted + "\n\n" + *input : wanted}};
  if (output) turns.push_back({Role::assistant, *output});
  return turns;
}

std::vector<std::vector<Turn>> turns_of(const json& record, const std::string& place) {
  for (const char* key : {"messages", "conversations"})
    if (record.contains(key)) return {messages(record[key], place)};
  const std::string* wanted = text_at(record, {"instruction"});
  if (wanted && record.contains("instances")) {
    std::vector<std::vector<Turn>> all;
    for (const json& i : record["instances"])
      if (i.is_object())
        all.push_back(instruction(*wanted, text_at(i, {"input"}), text_at(i, {"output"})));
    return all;
  }
  if (wanted)
    return {instruction(*wanted, text_at(record, {"input", "context"}),
                        text_at(record, {"output", "response"}))};
  if (const std::string* prompt = text_at(record, {"prompt"}))
    return {instruction(*prompt, nullptr, text_at(record, {"completion", "response"}))};
  throw Error(fmt::format("{}: is no conversation; {}", place, kFormats));
}

std::vector<Conversation> conversations_of(const json& record, const std::string& place,
                                           bool wants_answer) {
  require(record.is_object(), place, ": is ", record.type_name(), "; wanted an object");
  std::vector<Conversation> all;
  for (std::vector<Turn>& turns : turns_of(record, place)) {
    require(!wants_answer || (turns.back().role == Role::assistant && !turns.back().text.empty()),
            place, ": has no answer; wanted a last turn of the assistant with some text");
    const auto rating = record.find("rating");
    all.push_back({std::move(turns),
                   rating != record.end() && rating->is_number() ? rating->get<double>() : 0.0,
                   place});
  }
  return all;
}

json parse(std::string_view text, const std::string& place) {
  json record = json::parse(text, nullptr, /*allow_exceptions=*/false);
  require(!record.is_discarded(), place, ": is not JSON; wanted one object a line, or an array");
  return record;
}

// Calls `take` with every record of a file, or with the failure to read it.
void each_record(const InputFile& file,
                 const std::function<void(const std::function<json()>&, std::string)>& take) {
  Reader reader(open_stream(file.path));
  if (reader.peek() == '[') {
    std::string text;
    while (reader.take(text, kMaxRecord) > 0) {
    }
    const json all = parse(text, file.path.string());
    for (size_t i = 0; i < all.size(); ++i)
      take([&] { return all[i]; }, fmt::format("{}: entry {}", file.path.string(), i));
    return;
  }
  int64_t number = 0;
  for (std::string line; reader.line(line, kMaxRecord); line.clear()) {
    ++number;
    if (line.find_first_not_of(" \t\r\n") == std::string::npos) continue;
    const std::string place = fmt::format("{}:{}", file.path.string(), number);
    take([&] { return parse(line, place); }, place);
  }
}

// Where answers begin in an example; its size when there is none.
size_t first_answer(const Example& e) {
  return static_cast<size_t>(std::ranges::find_if(e.weights, [](float w) { return w > 0; }) -
                             e.weights.begin());
}

bool held_out(const Conversation& c, double share) {
  if (share <= 0) return false;
  const std::string digest = digest_of(c.turns.front().text);
  const uint64_t hash = std::stoull(digest.substr(0, 13), nullptr, 16);  // 52 bits
  return static_cast<double>(hash) < share * 0x1p52;
}

}  // namespace

std::vector<Conversation> read_record(std::string_view text, const std::string& place,
                                      bool wants_answer) {
  return conversations_of(parse(text, place), place, wants_answer);
}

std::vector<Conversation> read_conversations(const std::string& name,
                                             const ConversationsConfig& config,
                                             SourceRecord& record, bool wants_answer) {
  SourceConfig files;
  files.kind = SourceKind::jsonl;
  files.paths = config.paths;
  record.name = name;
  record.kind = "conversations";
  record.licence = config.licence;
  record.paths = config.paths;
  record.weight = config.weight;
  std::vector<Conversation> all;
  for (const InputFile& file : list_files(files, name)) {
    ++record.files;
    each_record(file, [&](const std::function<json()>& read, const std::string& place) {
      try {
        for (Conversation& c : conversations_of(read(), place, wants_answer))
          all.push_back(std::move(c));
      } catch (const Error& e) {
        if (config.bad_record == BadRecord::error)
          throw Error(e.what(), "correct the record, or set conversations." + name +
                                    ".bad_record = \"skip\"");
        ++record.dropped[std::string(dropped::kBadRecord)];
      }
    });
  }
  if (all.empty())
    throw Error(fmt::format("conversations.{}: {} files hold no conversation; wanted some", name,
                            record.files),
                std::string(kFormats));
  return all;
}

bool fit(Example& e, TooLong rule, int64_t limit) {
  const auto size = static_cast<size_t>(limit);
  if (e.tokens.size() > size) {
    if (rule == TooLong::drop) return false;
    if (rule == TooLong::cut_front) {
      const size_t cut = std::min(e.tokens.size() - size, first_answer(e));
      e.tokens.erase(e.tokens.begin(), e.tokens.begin() + static_cast<std::ptrdiff_t>(cut));
      e.weights.erase(e.weights.begin(), e.weights.begin() + static_cast<std::ptrdiff_t>(cut));
    }
    e.tokens.resize(std::min(size, e.tokens.size()));
    e.weights.resize(e.tokens.size());
  }
  return first_answer(e) < e.tokens.size();
}

TuningSet tuning_set(const std::string& name, const ConversationsConfig& config,
                     const Tokenizer& tokenizer, int64_t context) {
  TuningSet set;
  const ChatTemplate chat(tokenizer);
  Digest digest;
  for (const Conversation& c : read_conversations(name, config, set.record)) {
    ChatTemplate::Rendered rendered = chat.render(c.turns);
    Example e{std::move(rendered.tokens), std::move(rendered.weights), {}};
    const bool too_long = static_cast<int64_t>(e.tokens.size()) > context + 1;
    if (!fit(e, config.too_long, context + 1)) {
      ++set.record.dropped[std::string(dropped::kTooLarge)];
      continue;
    }
    set.record.truncated += too_long;
    digest.field(fmt::format("{}", c.rating));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.tokens.data()),
                                  e.tokens.size() * sizeof(Token)));
    const bool out = held_out(c, config.heldout);
    const auto tokens = static_cast<int64_t>(e.tokens.size());
    (out ? set.record.heldout_documents : set.record.documents) += 1;
    (out ? set.record.heldout_tokens : set.record.tokens) += tokens;
    for (const Turn& t : c.turns)
      (out ? set.record.heldout_bytes : set.record.bytes) += static_cast<int64_t>(t.text.size());
    (out ? set.heldout : set.train).push_back(std::move(e));
  }
  set.record.digest = digest.hex();
  require(!set.train.empty(), "conversations.", name,
          ": nothing is left to train on; wanted at least one conversation within ", context,
          " tokens");
  return set;
}

}  // namespace lineage
