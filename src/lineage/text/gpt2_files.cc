#include <algorithm>
#include <string>
#include <unordered_set>

#include "lineage/base/error.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/json_text.h"
#include "lineage/text/merge_text.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

using nlohmann::json;

[[noreturn]] void damaged(const std::string& place, const std::string& seen_and_wanted,
                          const std::string& hint = "take the file again from where it came from") {
  throw Error(place + ": " + seen_and_wanted, hint);
}

constexpr std::string_view kHeader = "#version: 0.2\n";

std::vector<std::pair<size_t, std::string_view>> merge_lines(std::string_view text) {
  std::vector<std::pair<size_t, std::string_view>> lines;  // with their numbers
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t stop = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, stop);
    text.remove_prefix(std::min(stop + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line.starts_with("#version")) continue;
    if (!line.empty()) lines.emplace_back(number, line);
  }
  return lines;
}

// The texts that a special_tokens_map.json names: strings, objects with "content", lists of these.
void collect_texts(const json& value, std::unordered_set<std::string>& texts) {
  if (value.is_string()) texts.insert(value.get<std::string>());
  if (value.is_object() && value.contains("content")) collect_texts(value["content"], texts);
  if (value.is_array())
    for (const json& item : value) collect_texts(item, texts);
}

// Texts that are special where no merge makes them: those that files name, and those known.
std::unordered_set<std::string> special_candidates(const Gpt2Files& files) {
  std::unordered_set<std::string> texts = {"<s>", "<unk>", "<mask>", "<|begin_of_text|>"};
  for (int part = 0; part <= static_cast<int>(Special::pad); ++part)
    for (std::string_view text : special_texts(static_cast<Special>(part))) texts.emplace(text);
  if (!files.special_tokens_map_json.empty()) {
    const json map = parse_json(files.special_tokens_map_json, "special_tokens_map.json");
    if (map.is_object())
      for (const auto& [key, value] : map.items()) collect_texts(value, texts);
  }
  return texts;
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

void read_added(const Gpt2Files& files, size_t entries, BpeModel& model) {
  if (files.added_tokens_json.empty()) return;
  const std::string place = "added_tokens.json";
  const json added = parse_json(files.added_tokens_json, place);
  if (!added.is_object()) damaged(place, "no object; wanted texts and their ids");
  for (const auto& [text, id] : added.items())
    model.specials.push_back({read_token_id(id, entries + added.size(), place, text), text});
}

void read_begin_of_text(const Gpt2Files& files, BpeModel& model) {
  if (files.tokenizer_config_json.empty()) return;
  const std::string place = "tokenizer_config.json";
  const json config = parse_json(files.tokenizer_config_json, place);
  if (!config.is_object() || config.value("add_bos_token", json()) != json(true)) return;
  std::unordered_set<std::string> texts;
  collect_texts(config.value("bos_token", json()), texts);
  for (const SpecialToken& s : model.specials)
    if (texts.contains(s.text)) model.begin_of_text = s.id;
  if (!model.begin_of_text)
    damaged(place, "add_bos_token is set, but bos_token is no special token; wanted one");
}

}  // namespace

BpeModel parse_gpt2(const Gpt2Files& files) {
  const std::string& place = files.vocab_place;
  const json vocab = parse_json(files.vocab_json, place);
  if (!vocab.is_object() || vocab.empty())
    damaged(place, "no vocabulary; wanted tokens and their ids");
  BpeModel model;
  read_added(files, vocab.size(), model);
  const auto named = [&](const std::string& text) {
    return std::any_of(model.specials.begin(), model.specials.end(),
                       [&](const SpecialToken& s) { return s.text == text; });
  };
  const auto candidates = special_candidates(files);
  const auto made = merged_spellings(files.merges_txt);
  for (const auto& [key, value] : vocab.items()) {
    const Token id = read_token_id(value, vocab.size(), place, key);
    if (named(key)) {
      if (std::find(model.specials.begin(), model.specials.end(), SpecialToken{id, key}) ==
          model.specials.end())
        damaged(place, "\"" + key + "\" has another id in added_tokens.json; wanted the same");
      continue;
    }
    if (candidates.contains(key) && !made.contains(key)) {
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
  read_begin_of_text(files, model);
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
  Gpt2Files files;
  std::vector<std::string> keys(static_cast<size_t>(model.vocab()));
  for (size_t id = 0; id < model.tokens.size(); ++id)
    if (!model.tokens[id].empty()) keys[id] = to_byte_alphabet(model.tokens[id]);
  std::string added;
  for (const SpecialToken& s : model.specials) {
    keys[static_cast<size_t>(s.id)] = s.text;
    added += (added.empty() ? "" : ", ") + json_string(s.text) + ": " + std::to_string(s.id);
    if (s.id == model.begin_of_text)
      files.tokenizer_config_json =
          "{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_bos_token\": true, "
          "\"bos_token\": " +
          json_string(s.text) + "}\n";
  }
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
