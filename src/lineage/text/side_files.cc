#include "lineage/text/side_files.h"

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/text/json_text.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr const char* kAgain = "take the file again from where it came from";

// An object, or null where the file is absent.
json read_object(const std::string& text, const std::string& place) {
  if (text.empty()) return json::object();
  json value = parse_json(text, place);
  if (!value.is_object()) throw Error(place + ": no object; wanted one", kAgain);
  return value;
}

// A token's text: a string, or an object with "content".
std::optional<std::string> token_text(const json& value) {
  if (value.is_string() && !value.get_ref<const std::string&>().empty())
    return value.get<std::string>();
  if (value.is_object() && value.contains("content")) return token_text(value["content"]);
  return {};
}

void collect_texts(const json& value, std::unordered_set<std::string>& texts) {
  if (value.is_array())
    for (const json& item : value) collect_texts(item, texts);
  else if (const auto text = token_text(value))
    texts.insert(*text);
}

bool is_true(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

// Every key of special_tokens_map.json names tokens, few of tokenizer_config.json do.
void read_names(const json& file, bool all_keys, SideFacts& facts) {
  for (const auto& [key, value] : file.items())
    if (all_keys || key.ends_with("_token") || key == "additional_special_tokens" ||
        key == "extra_special_tokens")
      collect_texts(value, facts.special_texts);
  const auto add = [&](const char* key, std::vector<SideFacts::Named>& to) {
    if (const auto text = token_text(file.value(key, json()))) to.push_back({text, {}});
  };
  add("eos_token", facts.end_of_text);
  add("pad_token", facts.pad);
  if (!facts.begin_text) facts.begin_text = token_text(file.value("bos_token", json()));
}

// One id or a list of them; ids that are none of the vocabulary's name nothing.
void read_ids(const json& file, SideFacts& facts) {
  const auto add = [&](const char* key, std::vector<SideFacts::Named>& to) {
    json ids = file.value(key, json());
    if (!ids.is_array()) ids = json::array({ids});
    for (const json& id : ids)
      if (id.is_number_unsigned() && id.get<uint64_t>() < uint64_t{1} << 30)
        to.push_back({{}, static_cast<Token>(id.get<uint64_t>())});
  };
  add("eos_token_id", facts.end_of_text);
  add("pad_token_id", facts.pad);
}

void read_decoder(const json& config, size_t entries, SideFacts& facts) {
  const json decoder = config.value("added_tokens_decoder", json());
  if (!decoder.is_object()) return;
  for (const auto& [key, token] : decoder.items()) {
    const std::string place = facts.config_place + ": added_tokens_decoder";
    const json number = json::parse(key, nullptr, /*allow_exceptions=*/false);
    const auto text = token_text(token);
    if (!text)
      throw Error(place + ": the token " + key + " has no content; wanted its text", kAgain);
    SideFacts::Added& added = facts.added.emplace_back();
    added.id = read_token_id(number, entries + decoder.size(), place, *text);
    added.text = *text;
    added.special = is_true(token, "special");
    added.place = place;
    added.lstrip = is_true(token, "lstrip");
    added.rstrip = is_true(token, "rstrip");
    added.single_word = is_true(token, "single_word");
    added.normalized = is_true(token, "normalized");
  }
}

void read_added(const json& list, size_t entries, const std::string& place, SideFacts& facts) {
  for (const auto& [text, id] : list.items()) {
    const auto known = [&word = text](const SideFacts::Added& a) { return a.text == word; };
    const Token number = read_token_id(id, entries + list.size(), place, text);
    if (const auto it = std::ranges::find_if(facts.added, known); it != facts.added.end()) {
      if (it->id != number)
        throw Error(place + ": \"" + text + "\" has the id " + std::to_string(number) + ", in " +
                        it->place + " " + std::to_string(it->id) + "; wanted the same",
                    kAgain);
      continue;
    }
    facts.added.push_back({.id = number, .text = text, .place = place});
  }
}

}  // namespace

SideFacts read_side_files(const SideFiles& files, size_t entries) {
  SideFacts facts;
  facts.config_place = files.folder + "tokenizer_config.json";
  const std::string added_place = files.folder + "added_tokens.json";
  const json config = read_object(files.tokenizer_config_json, facts.config_place);
  read_names(config, false, facts);
  read_names(read_object(files.special_tokens_map_json, files.folder + "special_tokens_map.json"),
             true, facts);
  read_ids(read_object(files.generation_config_json, files.folder + "generation_config.json"),
           facts);
  read_ids(read_object(files.config_json, files.folder + "config.json"), facts);
  read_decoder(config, entries, facts);
  read_added(read_object(files.added_tokens_json, added_place), entries, added_place, facts);
  for (SideFacts::Added& a : facts.added)
    a.special = a.special || facts.special_texts.contains(a.text) || part_of(a.text).has_value();
  if (const json add = config.value("add_bos_token", json()); add.is_boolean())
    facts.add_begin = add.get<bool>();
  if (const json add = config.value("add_prefix_space", json()); add.is_boolean())
    facts.add_prefix_space = add.get<bool>();
  if (const json name = config.value("tokenizer_class", json()); name.is_string())
    facts.tokenizer_class = name.get<std::string>();
  return facts;
}

void name_parts(const SideFacts& facts, std::vector<SpecialToken>& specials) {
  const auto name = [&](Special part, const std::vector<SideFacts::Named>& named) {
    for (const auto& [text, id] : named) {
      const auto found = std::ranges::find_if(
          specials, [&named_text = text, &named_id = id](const SpecialToken& s) {
            return named_text ? s.text == *named_text : s.id == *named_id;
          });
      if (found == specials.end()) continue;
      const auto spelled = part_of(found->text);
      if (spelled && *spelled != part) return;  // "eos_token": "<|im_end|>" ends turns
      // The token that the spellings alone would find.
      for (std::string_view known : special_texts(part)) {
        const auto first = std::ranges::find(specials, known, &SpecialToken::text);
        if (first == specials.end()) continue;
        if (first->id == found->id) return;
        break;
      }
      if (!found->part) found->part = part;
      return;
    }
  };
  name(Special::end_of_text, facts.end_of_text);
  name(Special::pad, facts.pad);
}

std::vector<Token> begin_of_text(const SideFacts& facts, std::vector<Token> of_template,
                                 const std::vector<SpecialToken>& specials) {
  if (!of_template.empty()) {
    if (facts.add_begin == false)
      throw Error(facts.config_place +
                      ": add_bos_token is false, and the post_processor of tokenizer.json begins "
                      "texts with a token; wanted both to say the same",
                  "set add_bos_token to true to begin texts so, or take that token out of the "
                  "post_processor");
    return of_template;
  }
  if (facts.add_begin != true) return {};
  for (const SpecialToken& s : specials)
    if (s.text == facts.begin_text) return {s.id};
  throw Error(
      facts.config_place + ": add_bos_token is set, but bos_token is no special token; wanted one",
      kAgain);
}

}  // namespace lineage
