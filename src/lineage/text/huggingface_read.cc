// Reading tokenizer.json; the fields are those of the `tokenizers` library's serialisation.
#include <algorithm>
#include <string>

#include "lineage/base/error.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/json_text.h"
#include "lineage/text/merge_text.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& place, const std::string& seen_and_wanted) {
  throw Error(
      place + ": " + seen_and_wanted,
      "Lineage reads byte-level BPE (GPT-2, OPT, cl100k, Llama 3) and WordLevel tokenizers");
}

std::string text_of(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool flag(const json& object, const char* key, bool otherwise) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() ? it->get<bool>() : otherwise;
}

const json& field(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto it = object.find(key);
  return it == object.end() ? null : *it;
}

struct AddedTokens {
  std::vector<SpecialToken> specials, ordinary;
};

// A token that has one of our parts is special whatever the file says, so that text cannot forge
// it.
bool has_part(std::string_view text) {
  for (int part = 0; part <= static_cast<int>(Special::pad); ++part) {
    const auto texts = special_texts(static_cast<Special>(part));
    if (std::find(texts.begin(), texts.end(), text) != texts.end()) return true;
  }
  return false;
}

AddedTokens read_added_tokens(const json& root, size_t entries, const std::string& place) {
  AddedTokens added;
  const json& list = field(root, "added_tokens");
  if (list.is_null()) return added;
  if (!list.is_array()) refuse(place, "added_tokens is no array; wanted one");
  for (const json& token : list) {
    const std::string text = text_of(token, "content");
    if (text.empty()) refuse(place, "an added token without content; wanted its text");
    const Token id = read_token_id(member(token, "id", place + ": added token \"" + text + "\""),
                                   entries + list.size(), place, text);
    if (flag(token, "special", false) || has_part(text)) {
      added.specials.push_back({id, text});
      continue;
    }
    for (const char* key : {"single_word", "lstrip", "rstrip"})
      if (flag(token, key, false))
        refuse(place, "the added token \"" + text + "\" has " + key +
                          ", which is not supported; wanted false");
    added.ordinary.push_back({id, text});
  }
  return added;
}

Pattern read_split(const json& split, const std::string& place) {
  const std::string regex = text_of(field(split, "pattern"), "Regex");
  const std::string behavior = text_of(split, "behavior");
  const bool invert = flag(split, "invert", false);
  if (!(behavior == "Isolated" && !invert) && !(behavior == "Removed" && invert))
    refuse(place, "the Split pre-tokenizer's behavior is \"" + behavior + "\"; wanted Isolated");
  if (const auto pattern = find_pattern_by_regex(regex)) return *pattern;
  refuse(place,
         "the Split pre-tokenizer's pattern is \"" + regex + "\"; wanted that of GPT-2 or cl100k");
}

void check_byte_level(const json& step, const std::string& place) {
  if (flag(step, "add_prefix_space", true))
    refuse(
        place,
        "the ByteLevel pre-tokenizer has add_prefix_space, which is not supported; wanted false");
}

Pattern read_pre_tokenizer(const json& root, const std::string& place) {
  const json& pre = field(root, "pre_tokenizer");
  const std::string type = text_of(pre, "type");
  if (type == "ByteLevel") {
    check_byte_level(pre, place);
    if (!flag(pre, "use_regex", true))
      refuse(place,
             "the ByteLevel pre-tokenizer has no pattern; wanted use_regex or a Split before it");
    return Pattern::gpt2;
  }
  if (type == "Sequence") {
    const json& steps = field(pre, "pretokenizers");
    if (steps.is_array() && steps.size() == 1)
      return read_pre_tokenizer({{"pre_tokenizer", steps[0]}}, place);
    if (steps.is_array() && steps.size() == 2 && text_of(steps[0], "type") == "Split" &&
        text_of(steps[1], "type") == "ByteLevel" && !flag(steps[1], "use_regex", true)) {
      check_byte_level(steps[1], place);
      return read_split(steps[0], place);
    }
  }
  refuse(place, "the pre_tokenizer \"" + type +
                    "\" with its steps is not supported; wanted ByteLevel, or a "
                    "Sequence of Split and ByteLevel");
}

// What the post-processor puts before a text: "<s>" in {"single": [{"SpecialToken": {"id": "<s>"}},
// {"Sequence": …}]}, or the cls of RobertaProcessing.
std::string begin_text(const json& post) {
  const std::string type = text_of(post, "type");
  if (type == "Sequence" && field(post, "processors").is_array())
    for (const json& step : post["processors"])
      if (std::string text = begin_text(step); !text.empty()) return text;
  if (type == "TemplateProcessing")
    if (const json& single = field(post, "single"); single.is_array() && !single.empty())
      return text_of(field(single[0], "SpecialToken"), "id");
  if (type == "RobertaProcessing")
    if (const json& cls = field(post, "cls"); cls.is_array() && !cls.empty() && cls[0].is_string())
      return cls[0].get<std::string>();
  return {};
}

void refuse_unsupported(const json& root, const json& model, const std::string& place) {
  if (!field(root, "normalizer").is_null()) {
    const json& steps = field(field(root, "normalizer"), "normalizers");
    if (!steps.is_array() || !steps.empty())
      refuse(place, "a normalizer (" + text_of(root["normalizer"], "type") +
                        "), which changes the text; wanted none");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!text_of(model, key).empty())
      refuse(place,
             std::string("model.") + key + " is \"" + text_of(model, key) + "\"; wanted none");
  if (field(model, "dropout").is_number() && field(model, "dropout").get<double>() != 0)
    refuse(place, "model.dropout is not 0; wanted none, as tokens must not depend on chance");
  if (flag(model, "byte_fallback", false))
    refuse(place, "model.byte_fallback is set; wanted a byte-level vocabulary");
}

void check_special_entry(const json& vocab, const SpecialToken& special, const std::string& place) {
  const auto it = vocab.find(special.text);
  if (it != vocab.end() && (!it->is_number_integer() || it->get<int64_t>() != special.id))
    refuse(place, "the added token \"" + special.text + "\" has the id " +
                      std::to_string(special.id) + ", in the vocabulary " +
                      it->dump().substr(0, 20) + "; wanted the same");
}

// Fills `texts` by id from the vocabulary, without the added tokens. as_text(key) gives what to
// store.
template <class AsText>
void read_vocab(const json& vocab, const AddedTokens& added, std::vector<std::string>& texts,
                const std::string& place, const AsText& as_text) {
  std::vector<std::string_view> apart;
  for (const auto* list : {&added.specials, &added.ordinary})
    for (const SpecialToken& s : *list) {
      check_special_entry(vocab, s, place);
      apart.push_back(s.text);
    }
  std::sort(apart.begin(), apart.end());
  for (const auto& [key, value] : vocab.items()) {
    if (std::binary_search(apart.begin(), apart.end(), std::string_view(key))) continue;
    const size_t id = static_cast<size_t>(read_token_id(value, vocab.size(), place, key));
    if (id >= texts.size()) texts.resize(id + 1);
    if (!texts[id].empty())
      refuse(place, "\"" + key + "\" and another token share the id " + std::to_string(id) +
                        "; wanted one id each");
    texts[id] = as_text(key);
  }
}

void read_merges(const json& list, BpeModel& model, const std::string& place) {
  if (!list.is_array()) refuse(place, "model.merges is no array; wanted one");
  const MergeReader reader(model.tokens);
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string here = place + ": model.merges[" + std::to_string(i) + "]";
    const json& merge = list[i];
    if (merge.is_string()) {
      model.merges.push_back(reader.read_line(merge.get_ref<const std::string&>(), here));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      model.merges.push_back(reader.read(merge[0].get_ref<const std::string&>(),
                                         merge[1].get_ref<const std::string&>(), here));
    } else {
      refuse(here, "neither \"a b\" nor [\"a\", \"b\"]; wanted one of these");
    }
  }
}

std::shared_ptr<const Tokenizer> read_bpe(const json& root, const json& model,
                                          const std::string& place) {
  refuse_unsupported(root, model, place);
  BpeModel bpe;
  bpe.pattern = read_pre_tokenizer(root, place);
  const json& vocab = member(model, "vocab", place + ": model");
  if (!vocab.is_object()) refuse(place, "model.vocab is no object; wanted tokens and their ids");
  const AddedTokens added = read_added_tokens(root, vocab.size(), place);
  read_vocab(vocab, added, bpe.tokens, place, [&](const std::string& key) {
    auto bytes = from_byte_alphabet(key);
    if (!bytes || bytes->empty())
      refuse(place, "the token \"" + key +
                        "\" is not written in the byte alphabet of GPT-2; wanted a "
                        "byte-level vocabulary");
    return *bytes;
  });
  bpe.specials = added.specials;
  bpe.added = added.ordinary;
  bpe.whole_pieces = flag(model, "ignore_merges", false);
  read_merges(member(model, "merges", place + ": model"), bpe, place);
  if (const std::string first = begin_text(field(root, "post_processor")); !first.empty()) {
    for (const SpecialToken& s : bpe.specials)
      if (s.text == first) bpe.begin_of_text = s.id;
    if (!bpe.begin_of_text)
      refuse(place, "the post_processor begins texts with \"" + first +
                        "\", which is no special token; wanted one of added_tokens");
  }
  return std::make_shared<BpeTokenizer>(std::move(bpe), place);
}

std::shared_ptr<const Tokenizer> read_words(const json& root, const json& model,
                                            const std::string& place) {
  refuse_unsupported(root, model, place);
  const json& vocab = member(model, "vocab", place + ": model");
  if (!vocab.is_object()) refuse(place, "model.vocab is no object; wanted words and their ids");
  const AddedTokens added = read_added_tokens(root, vocab.size(), place);
  if (!added.ordinary.empty())
    refuse(place, "the added token \"" + added.ordinary.front().text +
                      "\" is not special; wanted only special ones beside words");
  WordModel words;
  words.specials = added.specials;
  read_vocab(vocab, added, words.words, place, [](const std::string& key) { return key; });
  const std::string unknown = text_of(model, "unk_token");
  if (vocab.contains(unknown)) words.unknown = unknown;
  return std::make_shared<WordTokenizer>(std::move(words), place);
}

}  // namespace

std::shared_ptr<const Tokenizer> parse_huggingface(std::string_view text,
                                                   const std::string& place) {
  const json root = parse_json(text, place);
  const json& model = member(root, "model", place);
  std::string type = text_of(model, "type");
  if (type.empty() && model.is_object() && model.contains("merges")) type = "BPE";
  if (type == "BPE") return read_bpe(root, model, place);
  if (type == "WordLevel") return read_words(root, model, place);
  refuse(place, "model.type is \"" + type + "\"; wanted BPE or WordLevel");
}

}  // namespace lineage
