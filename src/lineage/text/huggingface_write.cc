// Writing tokenizer.json so that the `tokenizers` library reads it as the same tokenizer.
#include <algorithm>
#include <map>
#include <string>

#include "lineage/base/error.h"
#include "lineage/text/json_text.h"
#include "lineage/text/merge_text.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

// Id to the vocabulary's key. Special tokens are included: the library would number missing ones
// after all others, whatever their ids.
using Keys = std::map<Token, std::string>;

void add_texts(const std::vector<SpecialToken>& list, Keys& keys) {
  for (const SpecialToken& s : list) keys.emplace(s.id, s.text);
}

std::string joined(const std::vector<std::string>& parts, const std::string& indent) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "\n" : ",\n") + indent + part;
  return out;
}

std::string truth(bool value) { return value ? "true" : "false"; }

std::string added_tokens(const std::vector<SpecialToken>& specials,
                         const std::vector<SpecialToken>& ordinary) {
  std::map<Token, std::string> by_id;
  const auto add = [&](const SpecialToken& s, bool special) {
    by_id[s.id] = "{\"id\": " + std::to_string(s.id) + ", \"content\": " + json_string(s.text) +
                  ", \"single_word\": " + truth(s.single_word) +
                  ", \"lstrip\": " + truth(s.lstrip) + ", \"rstrip\": " + truth(s.rstrip) +
                  ", \"normalized\": " + truth(s.normalized) + ", \"special\": " + truth(special) +
                  (s.part ? ", \"part\": \"" + std::string(special_name(*s.part)) + "\"" : "") +
                  "}";
  };
  for (const SpecialToken& s : specials) add(s, true);
  for (const SpecialToken& s : ordinary) add(s, false);
  std::vector<std::string> lines;
  for (auto& [id, line] : by_id) lines.push_back(std::move(line));
  return "[" + joined(lines, "    ") + (lines.empty() ? "]" : "\n  ]");
}

std::string vocab_object(const Keys& keys) {
  std::vector<std::string> lines;
  for (const auto& [id, key] : keys) lines.push_back(json_string(key) + ": " + std::to_string(id));
  return "{" + joined(lines, "      ") + "\n    }";
}

std::string byte_level(bool own_pattern, bool add_prefix_space = false) {
  return R"({"type": "ByteLevel", "add_prefix_space": )" + truth(add_prefix_space) +
         R"(, "trim_offsets": true, "use_regex": )" + truth(own_pattern) + "}";
}

std::string metaspace(const BpeModel& model) {
  const SpaceBefore::At at = model.space_before.at;
  const char* scheme = at == SpaceBefore::At::segments ? "always"
                       : at == SpaceBefore::At::text   ? "first"
                                                       : "never";
  return R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": ")" + std::string(scheme) +
         R"(", "split": )" + truth(model.words) + "}";
}

std::string pre_tokenizer(const BpeModel& model) {
  if (model.symbols == Symbols::characters)
    return model.space_before.normalizer ? "null" : metaspace(model);
  if (model.pattern == Pattern::gpt2)
    return byte_level(true, model.space_before.at != SpaceBefore::At::nowhere);
  const bool digits = model.pattern == Pattern::starcoder;
  const std::string first = digits ? R"({"type": "Digits", "individual_digits": true})"
                                   : R"({"type": "Split", "pattern": {"Regex": )" +
                                         json_string(pattern_regex(model.pattern)) +
                                         R"(}, "behavior": "Isolated", "invert": false})";
  return "{\"type\": \"Sequence\", \"pretokenizers\": [\n    " + first + ",\n    " +
         byte_level(digits) + "\n  ]}";
}

std::string normalizer(const BpeModel& model) {
  std::vector<std::string> steps;
  if (model.nfc) steps.push_back(R"({"type": "NFC"})");
  if (model.space_before.normalizer) {
    if (model.space_before.at != SpaceBefore::At::nowhere)
      steps.push_back(R"({"type": "Prepend", "prepend": "▁"})");
    steps.push_back(R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})");
  }
  if (steps.empty()) return "null";
  if (steps.size() == 1) return steps.front();
  return R"({"type": "Sequence", "normalizers": [)" + joined(steps, "    ") + "\n  ]}";
}

std::string decoder(const BpeModel& model) {
  if (model.symbols == Symbols::bytes) return byte_level(true);
  const auto stripped = model.space_before.stripped;
  if (stripped == SpaceBefore::Stripped::all)
    return R"({"type": "Sequence", "decoders": [
    {"type": "ByteFallback"},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": false}
  ]})";
  const std::string strip = R"(,
    {"type": "Strip", "content": " ", "start": 1, "stop": 0})";
  return R"({"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"})" +
         (stripped == SpaceBefore::Stripped::one ? strip : "") + "\n  ]}";
}

std::string unknown_text(const BpeModel& model) {
  if (model.unknown < 0) return "null";
  for (const auto* list : {&model.specials, &model.added})
    for (const SpecialToken& s : *list)
      if (s.id == model.unknown) return json_string(s.text);
  return json_string(token_text(model.tokens[static_cast<size_t>(model.unknown)], model.symbols));
}

std::string word_pre_tokenizer(WordSplit split) {
  if (split == WordSplit::whitespace) return R"({"type": "Whitespace"})";
  if (split == WordSplit::whitespace_split) return R"({"type": "WhitespaceSplit"})";
  return R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"String": "\n"}, "behavior": "Isolated", "invert": false},
    {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": false}
  ]})";
}

// `otherwise` where texts begin with no token.
std::string post_processor(const std::vector<Token>& begin,
                           const std::vector<SpecialToken>& specials, std::string otherwise) {
  if (begin.empty()) return otherwise;
  const auto part = [](const std::string& kind, const std::string& name, int type) {
    return "{\"" + kind + "\": {\"id\": " + name + ", \"type_id\": " + std::to_string(type) + "}}";
  };
  std::string before;
  std::map<Token, std::string> tokens;
  for (Token t : begin) {
    const auto token = std::ranges::find(specials, t, &SpecialToken::id);
    const std::string text = json_string(token->text), id = std::to_string(t);
    before += part("SpecialToken", text, 0) + ", ";
    tokens[t] =
        text + ": {\"id\": " + text + ", \"ids\": [" + id + "], \"tokens\": [" + text + "]}";
  }
  std::string listed;
  for (const auto& [id, token] : tokens) listed += (listed.empty() ? "" : ", ") + token;
  return "{\"type\": \"TemplateProcessing\", \"single\": [" + before +
         part("Sequence", "\"A\"", 0) + "], \"pair\": [" + before + part("Sequence", "\"A\"", 0) +
         ", " + part("Sequence", "\"B\"", 1) + "], \"special_tokens\": {" + listed + "}}";
}

// Two tokens with one key would be one on reading.
void check_keys(const Keys& keys) {
  std::vector<std::string_view> sorted;
  for (const auto& [id, key] : keys) sorted.push_back(key);
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    throw Error("tokenizer: two tokens would be written \"" + std::string(*twice) +
                    "\" in the vocabulary; wanted different ones",
                "give the special token another text");
}

struct Document {
  std::string added, normalizer, pre_tokenizer, post_processor, decoder, model;
};

std::string written(const Document& d) {
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
         "  \"added_tokens\": " +
         d.added + ",\n  \"normalizer\": " + d.normalizer +
         ",\n  \"pre_tokenizer\": " + d.pre_tokenizer +
         ",\n  \"post_processor\": " + d.post_processor + ",\n  \"decoder\": " + d.decoder +
         ",\n  \"model\": " + d.model + "\n}\n";
}

}  // namespace

std::string huggingface_json(const BpeModel& model) {
  Keys keys;
  for (size_t id = 0; id < model.tokens.size(); ++id)
    if (!model.tokens[id].empty())
      keys.emplace(static_cast<Token>(id), token_text(model.tokens[id], model.symbols));
  add_texts(model.specials, keys);
  add_texts(model.added, keys);
  check_keys(keys);
  std::vector<std::string> merges;
  for (const auto& merge : model.merges) merges.push_back(json_string(merge_line(model, merge)));
  const std::string body =
      "{\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": " +
      unknown_text(model) +
      ",\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": " +
      truth(model.fuse_unknown) + ",\n    \"byte_fallback\": " +
      truth(model.symbols == Symbols::characters && model.byte_fallback) +
      ",\n    \"ignore_merges\": " + truth(model.whole_pieces) +
      ",\n    \"vocab\": " + vocab_object(keys) + ",\n    \"merges\": [" +
      joined(merges, "      ") + "\n    ]\n  }";
  const std::string otherwise =
      model.symbols == Symbols::bytes ? byte_level(true) : std::string("null");
  return written({.added = added_tokens(model.specials, model.added),
                  .normalizer = normalizer(model),
                  .pre_tokenizer = pre_tokenizer(model),
                  .post_processor = post_processor(model.begin_of_text, model.specials, otherwise),
                  .decoder = decoder(model),
                  .model = body});
}

std::string huggingface_json(const WordModel& model) {
  Keys keys;
  for (size_t id = 0; id < model.words.size(); ++id)
    if (!model.words[id].empty()) keys.emplace(static_cast<Token>(id), model.words[id]);
  add_texts(model.specials, keys);
  const std::string unknown = model.unknown.empty() ? "<unk>" : model.unknown;
  const std::string body = "{\n    \"type\": \"WordLevel\",\n    \"vocab\": " + vocab_object(keys) +
                           ",\n    \"unk_token\": " + json_string(unknown) + "\n  }";
  return written({.added = added_tokens(model.specials, {}),
                  .normalizer = "null",
                  .pre_tokenizer = word_pre_tokenizer(model.split),
                  .post_processor = post_processor(model.begin_of_text, model.specials, "null"),
                  .decoder = "null",
                  .model = body});
}

}  // namespace lineage
