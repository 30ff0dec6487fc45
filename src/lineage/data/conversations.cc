#include "lineage/data/conversations.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/json_records.h"
#include "lineage/data/readable.h"
#include "lineage/data/source.h"
#include "lineage/data/stream.h"

namespace lineage {
namespace {

constexpr size_t kMaxRecord = size_t{64} << 20;  // bytes

// Calls `take` with every record of a file.
void each_record(const InputFile& file, const std::function<void(JsonRecord&)>& take) {
  Reader reader(open_stream(file.path));
  const std::string_view head = reader.peek_bytes(kFileKindBytes);
  if (!readable(SourceKind::jsonl, head))
    throw unreadable(SourceKind::jsonl, file.path, file_kind(head));
  reader.skip(byte_order_mark(head));
  JsonRecords records(file.path.string(), reader, kMaxRecord);
  for (JsonRecord record; records.next(reader, record);) take(record);
}

// Reads a set; counts dropped records in `counts`.
class SetReader {
 public:
  SetReader(const std::string& name, const ConversationsConfig& config, SourceRecord& counts,
            bool wants_answer)
      : name_(name), config_(config), counts_(counts), wants_answer_(wants_answer) {}

  void read(const InputFile& file) {
    try {
      each_record(file, [&](JsonRecord& record) {
        try {
          add(record);
        } catch (const Error& e) {
          judge(e, dropped::kBadRecord);
        }
      });
    } catch (const Error& e) {
      judge(e, "unreadable file");
    }
  }
  std::vector<Conversation> take() { return std::move(all_); }

 private:
  void add(JsonRecord& record) {
    if (record.too_large) return drop(dropped::kTooLarge);
    const TextState state = apply(config_.invalid_text, record.text, record.place, record.offset);
    if (state == TextState::unwanted) return drop(dropped::kInvalidText);
    const bool halves =
        config_.invalid_text == InvalidText::replace && repair_lone_surrogates(record.text);
    RecordContent content =
        read_record(parse_json_record(record.text, record.place), record.place, wants_answer_);
    counts_.repaired += state == TextState::repaired || halves;
    for (const std::string& note : content.notes) ++counts_.notes[note];
    if (!content.dropped.empty()) return drop(content.dropped);
    for (Conversation& c : content.conversations) all_.push_back(std::move(c));
  }

  void judge(const Error& e, std::string_view reason) {
    if (config_.bad_record == BadRecord::error)
      throw Error(e.what(), e.hint().empty() ? "correct the record, or set conversations." + name_ +
                                                   ".bad_record = \"skip\""
                                             : e.hint());
    drop(reason);
  }
  void drop(std::string_view reason) { ++counts_.dropped[std::string(reason)]; }

  const std::string& name_;
  const ConversationsConfig& config_;
  SourceRecord& counts_;
  bool wants_answer_;
  std::vector<Conversation> all_;
};

// Where answers begin in an example; its size when there is none.
size_t first_answer(const Example& e) {
  return static_cast<size_t>(std::ranges::find_if(e.weights, [](float w) { return w > 0; }) -
                             e.weights.begin());
}

int64_t bytes_of(const Conversation& c) {
  int64_t bytes = 0;
  for (const Turn& t : c.turns) bytes += std::ssize(t.text);
  return bytes;
}

}  // namespace

FileList list_files(const ConversationsConfig& config, const std::string& name) {
  SourceConfig files;
  files.kind = SourceKind::jsonl;
  files.paths = config.paths;
  return list_files(files, name);
}

std::vector<Conversation> read_conversations(const std::string& name,
                                             const ConversationsConfig& config,
                                             SourceRecord& record, bool wants_answer) {
  record.name = name;
  record.kind = "conversations";
  record.licence = config.licence;
  record.paths = config.paths;
  record.weight = config.weight;
  SetReader reader(name, config, record, wants_answer);
  FileList list = list_files(config, name);
  record.notes.merge(list.passed_over);
  for (const InputFile& file : list.files) {
    ++record.files;
    reader.read(file);
  }
  std::vector<Conversation> all = reader.take();
  if (all.empty()) {
    const std::string why = describe_dropped(record);
    throw Error(fmt::format("conversations.{}: {} file{} no conversation{}; wanted some", name,
                            record.files, record.files == 1 ? " holds" : "s hold",
                            why.empty() ? "" : ": " + why),
                "see docs/formats.md for the formats of conversations that are read");
  }
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
  const std::vector<Conversation> all = read_conversations(name, config, set.record);
  std::vector<HashedSize> sizes;
  for (const Conversation& c : all) sizes.push_back({c.record, bytes_of(c)});
  const HeldoutBorder border = heldout_border(std::move(sizes), config.heldout, false);
  for (const Conversation& c : all) {
    ChatTemplate::Rendered rendered = chat.render(c.turns);
    Example e{std::move(rendered.tokens), std::move(rendered.weights), {}};
    const bool too_long = static_cast<int64_t>(e.tokens.size()) > context + 1;
    if (!fit(e, config.too_long, context + 1)) {
      ++set.record.dropped[std::string(dropped::kTooLarge)];
      continue;
    }
    set.record.truncated += too_long;
    const bool out = c.record < border.hash;
    digest.field(fmt::format("{} {}", c.rating, out));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.tokens.data()),
                                  e.tokens.size() * sizeof(Token)));
    digest.field(std::string_view(reinterpret_cast<const char*>(e.weights.data()),
                                  e.weights.size() * sizeof(float)));
    const auto tokens = static_cast<int64_t>(e.tokens.size());
    (out ? set.record.heldout_documents : set.record.documents) += 1;
    (out ? set.record.heldout_tokens : set.record.tokens) += tokens;
    (out ? set.record.heldout_bytes : set.record.bytes) += bytes_of(c);
    (out ? set.heldout : set.train).push_back(std::move(e));
  }
  set.record.digest = digest.hex();
  require(!set.train.empty(), "conversations.", name,
          ": nothing is left to train on; wanted at least one conversation within ", context,
          " tokens");
  return set;
}

}  // namespace lineage
