// Writing tokenizer.json so that the `tokenizers` library reads it as the same tokenizer.
#include <algorithm>
#include <map>
#include <string>

#include "lineage/base/error.h"
#include "lineage/text/byte_alphabet.h"
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

std::string added_tokens(const std::vector<SpecialToken>& specials,
                         const std::vector<SpecialToken>& ordinary) {
  std::map<Token, std::string> by_id;
  const auto add = [&](const SpecialToken& s, bool special) {
    by_id[s.id] = "{\"id\": " + std::to_string(s.id) + ", \"content\": " + json_string(s.text) +
                  ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                  "\"normalized\": false, \"special\": " +
                  (special ? "true" : "false") +
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

constexpr std::string_view kByteLevel =
    R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": )";

std::string pre_tokenizer(Pattern pattern) {
  if (pattern == Pattern::gpt2) return std::string(kByteLevel) + "true}";
  return R"({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": )" +
         json_string(pattern_regex(pattern)) + R"(}, "behavior": "Isolated", "invert": false},
    )" + std::string(kByteLevel) +
         "false}\n  ]}";
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

std::string document(const std::string& added, const std::string& pre, const std::string& post,
                     const std::string& decoder, const std::string& model) {
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
         "  \"added_tokens\": " +
         added + ",\n  \"normalizer\": null,\n  \"pre_tokenizer\": " + pre +
         ",\n  \"post_processor\": " + post + ",\n  \"decoder\": " + decoder +
         ",\n  \"model\": " + model + "\n}\n";
}

}  // namespace

std::string huggingface_json(const BpeModel& model) {
  Keys keys;
  for (size_t id = 0; id < model.tokens.size(); ++id)
    if (!model.tokens[id].empty())
      keys.emplace(static_cast<Token>(id), to_byte_alphabet(model.tokens[id]));
  add_texts(model.specials, keys);
  add_texts(model.added, keys);
  check_keys(keys);
  std::vector<std::string> merges;
  for (const auto& merge : model.merges) merges.push_back(json_string(merge_line(model, merge)));
  const std::string body =
      "{\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
      "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": " +
      std::string(model.whole_pieces ? "true" : "false") +
      ",\n    \"vocab\": " + vocab_object(keys) + ",\n    \"merges\": [" +
      joined(merges, "      ") + "\n    ]\n  }";
  return document(
      added_tokens(model.specials, model.added), pre_tokenizer(model.pattern),
      post_processor(model.begin_of_text, model.specials, std::string(kByteLevel) + "true}"),
      std::string(kByteLevel) + "true}", body);
}

std::string huggingface_json(const WordModel& model) {
  Keys keys;
  for (size_t id = 0; id < model.words.size(); ++id)
    if (!model.words[id].empty()) keys.emplace(static_cast<Token>(id), model.words[id]);
  add_texts(model.specials, keys);
  const std::string unknown = model.unknown.empty() ? "<unk>" : model.unknown;
  const std::string body = "{\n    \"type\": \"WordLevel\",\n    \"vocab\": " + vocab_object(keys) +
                           ",\n    \"unk_token\": " + json_string(unknown) + "\n  }";
  return document(added_tokens(model.specials, {}), word_pre_tokenizer(model.split),
                  post_processor(model.begin_of_text, model.specials, "null"), "null", body);
}

}  // namespace lineage
