#include <algorithm>
#include <string>
#include <unordered_set>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/json_text.h"
#include "lineage/text/merge_text.h"
#include "lineage/text/side_files.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

using nlohmann::json;

[[noreturn]] void damaged(const std::string& place, const std::string& seen_and_wanted,
                          const std::string& hint = "take the file again from where it came from") {
  throw Error(place + ": " + seen_and_wanted, hint);
}

constexpr std::string_view kHeader = "#version: 0.2\n";
// Special in name only ("pad_token": "!"): without it that byte would be no token.
bool is_one_byte(const std::string& key) {
  const auto bytes = from_byte_alphabet(key);
  return bytes && bytes->size() == 1;
}

std::vector<std::pair<size_t, std::string_view>> merge_lines(std::string_view text) {
  std::vector<std::pair<size_t, std::string_view>> lines;  // with their numbers
  text.remove_prefix(byte_order_mark(text));
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t stop = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, stop);
    text.remove_prefix(std::min(stop + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;  // as `tokenizers`, anywhere in the file
    if (!line.empty()) lines.emplace_back(number, line);
  }
  return lines;
}

// Texts that are special where no merge makes them: those that files name, and those known.
bool may_be_special(const std::string& text, const SideFacts& facts) {
  for (const char* known : {"<s>", "<unk>", "<mask>", "<|begin_of_text|>"})
    if (text == known) return true;
  return facts.special_texts.contains(text) || part_of(text).has_value();
}

// The merged tokens, spelled as in the vocabulary.
std::unordered_set<std::string> merged_spellings(std::string_view merges_txt) {
  std::unordered_set<std::string> made;
  for (const auto& [number, line] : merge_lines(merges_txt)) {
    std::string joined(line);
    joined.erase(std::remove(joined.begin(), joined.end(), ' '), joined.end());
    made.insert(std::move(joined));
  }
  return made;
}

// The tokens of the other files, each with its place in one of the model's lists.
void add_tokens(const SideFacts& facts, BpeModel& model) {
  for (const SideFacts::Added& added : facts.added) {
    SpecialToken token = added.token();
    token.normalized = false;  // there is no normalizer
    (added.special ? model.specials : model.added).push_back(std::move(token));
  }
}

// The slow tokenizers of transformers that cut text as GPT-2's does and change nothing before.
void check_class(const SideFacts& facts) {
  std::string name = facts.tokenizer_class;
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  for (const char* known : {"", "GPT2Tokenizer", "CodeGenTokenizer", "PreTrainedTokenizer"})
    if (name == known) return;
  damaged(facts.config_place,
          "tokenizer_class is \"" + facts.tokenizer_class +
              "\", whose pattern vocab.json and merges.txt do not tell; wanted GPT2Tokenizer",
          "write tokenizer.json with transformers, which tells it: "
          "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
}

}  // namespace

BpeModel parse_gpt2(const Gpt2Files& files) {
  const std::string& place = files.vocab_place;
  const json vocab = parse_json(files.vocab_json, place);
  if (!vocab.is_object() || vocab.empty())
    damaged(place, "no vocabulary; wanted tokens and their ids");
  BpeModel model;
  const SideFacts facts = read_side_files(files, vocab.size());
  check_class(facts);
  if (facts.add_prefix_space == true) model.space_before.at = SpaceBefore::At::segments;
  add_tokens(facts, model);
  const auto added = [&](const std::string& text) -> const SideFacts::Added* {
    const auto it = std::ranges::find(facts.added, text, &SideFacts::Added::text);
    return it == facts.added.end() ? nullptr : &*it;
  };
  const auto made = merged_spellings(files.merges_txt);
  for (const auto& [key, value] : vocab.items()) {
    const Token id = read_token_id(value, vocab.size(), place, key);
    if (const SideFacts::Added* other = added(key)) {
      if (other->id != id)
        damaged(place, "\"" + key + "\" has another id in " + other->place + "; wanted the same");
      continue;
    }
    if (may_be_special(key, facts) && !is_one_byte(key) && !made.contains(key)) {
      model.specials.push_back({id, key});
      continue;
    }
    auto bytes = from_byte_alphabet(key);
    if (!bytes || bytes->empty())
      damaged(place, "the token \"" + key +
                         "\" is not written in the byte alphabet of GPT-2; wanted "
                         "a byte-level vocabulary");
    const size_t at = static_cast<size_t>(id);
    if (at >= model.tokens.size()) model.tokens.resize(at + 1);
    if (!model.tokens[at].empty())
      damaged(place, "\"" + key + "\" and another token share the id " + std::to_string(id) +
                         "; wanted one id each");
    model.tokens[at] = std::move(*bytes);
  }
  const MergeReader reader(model.tokens);
  for (const auto& [number, line] : merge_lines(files.merges_txt))
    model.merges.push_back(
        reader.read_line(line, files.merges_place + ":" + std::to_string(number)));
  drop_repeated_merges(model.merges);
  name_parts(facts, model.specials);
  model.begin_of_text = begin_of_text(facts, {}, model.specials);
  return model;
}

Gpt2Files gpt2_files(const BpeModel& model) {
  const std::string hint = "save it as tokenizer.json";
  if (model.pattern != Pattern::gpt2)
    damaged("tokenizer", "its pattern is not GPT-2's; wanted that for vocab.json + merges.txt",
            hint);
  if (model.whole_pieces || !model.added.empty())
    damaged("tokenizer",
            "some pieces become tokens without merges; vocab.json + merges.txt cannot hold that",
            hint);
  if (model.symbols != Symbols::bytes || model.nfc || model.space_before != SpaceBefore{} ||
      model.unknown >= 0)
    damaged("tokenizer",
            "text is changed before it is cut, or its tokens are not of bytes; vocab.json + "
            "merges.txt cannot hold that",
            hint);
  if (model.begin_of_text.size() > 1)
    damaged("tokenizer", "texts begin with several tokens; vocab.json + merges.txt can name one",
            hint);
  Gpt2Files files;
  std::vector<std::string> keys(static_cast<size_t>(model.vocab()));
  for (size_t id = 0; id < model.tokens.size(); ++id)
    if (!model.tokens[id].empty()) keys[id] = to_byte_alphabet(model.tokens[id]);
  std::string added, special, names;
  for (const SpecialToken& s : model.specials) {
    keys[s.id] = s.text;
    const std::string text = json_string(s.text);
    added += (added.empty() ? "" : ", ") + text + ": " + std::to_string(s.id);
    special += (special.empty() ? "" : ", ") + text;
    if (s.part == Special::end_of_text) names += "\"eos_token\": " + text + ", ";
    if (s.part == Special::pad) names += "\"pad_token\": " + text + ", ";
    if (model.begin_of_text == std::vector{s.id})
      files.tokenizer_config_json =
          "{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_bos_token\": true, "
          "\"bos_token\": " +
          text + "}\n";
  }
  files.special_tokens_map_json =
      "{" + names + "\"additional_special_tokens\": [" + special + "]}\n";
  for (size_t id = 0; id < keys.size(); ++id)
    if (!keys[id].empty())
      files.vocab_json += (files.vocab_json.empty() ? "{" : ", ") + json_string(keys[id]) + ": " +
                          std::to_string(id);
  files.vocab_json += "}\n";
  files.added_tokens_json = "{" + added + "}\n";
  files.merges_txt = kHeader;
  for (const auto& merge : model.merges) files.merges_txt += merge_line(model, merge) + "\n";
  return files;
}

}  // namespace lineage
