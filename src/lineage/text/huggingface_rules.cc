// The steps of a tokenizer.json by which text becomes pieces, and tokens text.
#include "lineage/text/huggingface_rules.h"

#include <algorithm>
#include <vector>

#include "lineage/base/error.h"

namespace lineage {
namespace {

using nlohmann::json;
using At = SpaceBefore::At;
using Stripped = SpaceBefore::Stripped;

// The steps of a Sequence, nested ones too; a step that is no Sequence is one; null is none.
std::vector<const json*> steps_of(const json& step, const char* key) {
  if (step.is_null()) return {};
  const json& list = field(step, key);
  if (text_of(step, "type") != "Sequence" || !list.is_array()) return {&step};
  std::vector<const json*> steps;
  for (const json& inner : list)
    for (const json* s : steps_of(inner, key)) steps.push_back(s);
  return steps;
}

bool is_type(const json& step, const char* type) { return text_of(step, "type") == type; }

bool replaces(const json& step, std::string_view from, std::string_view to) {
  return is_type(step, "Replace") && text_of(field(step, "pattern"), "String") == from &&
         text_of(step, "content") == to;
}

struct Normalizing {
  bool nfc = false, prepends = false, marks = false;
};

Normalizing read_normalizer(const json& root, const std::string& place) {
  Normalizing n;
  for (const json* step : steps_of(field(root, "normalizer"), "normalizers")) {
    if (is_type(*step, "NFC") && !n.prepends && !n.marks) {
      n.nfc = true;
    } else if (is_type(*step, "Prepend") && text_of(*step, "prepend") == kSpaceMark && !n.marks) {
      n.prepends = true;
    } else if (replaces(*step, " ", kSpaceMark)) {
      n.marks = true;
    } else {
      refuse_json(place, "a normalizer (" + text_of(*step, "type") +
                             "), which changes the text; wanted NFC, or Prepend of \"▁\" and "
                             "Replace of \" \" by \"▁\"");
    }
  }
  if (n.prepends && !n.marks)
    refuse_json(place, "the normalizer has Prepend without Replace of \" \" by \"▁\"; wanted both");
  return n;
}

Pattern read_split(const json& split, const std::string& place) {
  const std::string regex = text_of(field(split, "pattern"), "Regex");
  const std::string behavior = text_of(split, "behavior");
  const bool invert = flag(split, "invert", false);
  if (!(behavior == "Isolated" && !invert) && !(behavior == "Removed" && invert))
    refuse_json(place,
                "the Split pre-tokenizer's behavior is \"" + behavior + "\"; wanted Isolated");
  const auto pattern = find_pattern_by_regex(regex);
  if (!pattern)
    refuse_json(place, "the Split pre-tokenizer's pattern is \"" + regex +
                           "\"; wanted that of GPT-2, cl100k, Qwen2 or BLOOM");
  if (behavior == "Removed" && *pattern == Pattern::bloom)
    refuse_json(place,
                "the Split pre-tokenizer removes what BLOOM's pattern leaves out; wanted "
                "Isolated");
  return *pattern;
}

[[noreturn]] void refuse_pre_tokenizer(const json& root, const std::string& place) {
  refuse_json(place, "the pre_tokenizer is " + shown_steps(field(root, "pre_tokenizer")) +
                         ", which is not supported; wanted ByteLevel, or a Sequence of Split or "
                         "Digits and ByteLevel, or Metaspace");
}

// ByteLevel, behind nothing, a Split or Digits.
void read_byte_level(const json& root, const std::vector<const json*>& steps, BpeRules& rules,
                     const std::string& place) {
  const json& last = *steps.back();
  const bool own_pattern = flag(last, "use_regex", true);
  const bool prefix = flag(last, "add_prefix_space", true);
  if (steps.size() == 1) {
    if (!own_pattern)
      refuse_json(
          place,
          "the ByteLevel pre-tokenizer has no pattern; wanted use_regex or a Split before it");
  } else if (steps.size() == 2 && is_type(*steps[0], "Split") && !own_pattern) {
    rules.pattern = read_split(*steps[0], place);
  } else if (steps.size() == 2 && is_type(*steps[0], "Digits") && own_pattern) {
    if (!flag(*steps[0], "individual_digits", false))
      refuse_json(place, "the pre-tokenizer Digits keeps numbers whole; wanted individual_digits");
    rules.pattern = Pattern::starcoder;
  } else {
    refuse_pre_tokenizer(root, place);
  }
  if (prefix && steps.size() > 1)
    refuse_json(place,
                "the ByteLevel pre-tokenizer has add_prefix_space behind another step, so that a "
                "space goes before every piece; wanted false");
  if (prefix) rules.space_before.at = At::segments;
}

void read_metaspace(const json& step, BpeRules& rules, const std::string& place) {
  if (text_of(step, "replacement") != kSpaceMark)
    refuse_json(place, "the Metaspace pre-tokenizer's replacement is \"" +
                           text_of(step, "replacement") + "\"; wanted \"▁\"");
  // Files of `tokenizers` before 0.14 have add_prefix_space alone.
  const std::string scheme = text_of(step, "prepend_scheme");
  if (scheme == "always" || (scheme.empty() && flag(step, "add_prefix_space", true)))
    rules.space_before.at = At::segments;
  else if (scheme == "first")
    rules.space_before.at = At::text;
  else if (!scheme.empty() && scheme != "never")
    refuse_json(place, "the Metaspace pre-tokenizer's prepend_scheme is \"" + scheme +
                           "\"; wanted first, always or never");
  rules.words = flag(step, "split", true);
}

// Where the normalizer leaves no space, a Split at spaces has no effect (Gemma).
bool splits_at_spaces(const json& step) {
  return is_type(step, "Split") && text_of(field(step, "pattern"), "String") == " ";
}

void read_pre_tokenizer(const json& root, const Normalizing& normalizing, BpeRules& rules,
                        const std::string& place) {
  auto steps = steps_of(field(root, "pre_tokenizer"), "pretokenizers");
  if (normalizing.marks) std::erase_if(steps, [](const json* s) { return splits_at_spaces(*s); });
  if (normalizing.marks && steps.empty()) {
    rules.symbols = Symbols::characters;
    rules.space_before.normalizer = true;
    if (normalizing.prepends) rules.space_before.at = At::segments;
  } else if (!normalizing.marks && steps.size() == 1 && is_type(*steps[0], "Metaspace")) {
    rules.symbols = Symbols::characters;
    read_metaspace(*steps[0], rules, place);
  } else if (!normalizing.marks && !steps.empty() && is_type(*steps.back(), "ByteLevel")) {
    read_byte_level(root, steps, rules, place);
  } else {
    refuse_pre_tokenizer(root, place);
  }
}

// transformers gives the ByteLevel of a tokenizer what tokenizer_config.json says.
void take_config(const SideFacts& facts, BpeRules& rules, const std::string& place) {
  if (!facts.add_prefix_space) return;
  const bool wanted = *facts.add_prefix_space;
  if (rules.symbols == Symbols::bytes && rules.pattern == Pattern::gpt2) {
    rules.space_before.at = wanted ? At::segments : At::nowhere;
  } else if (wanted != (rules.space_before.at != At::nowhere)) {
    throw Error(facts.config_place + ": add_prefix_space is " + (wanted ? "true" : "false") +
                    ", and " + place + " says the opposite; wanted both to say the same",
                "correct the one that the model was not trained with");
  }
}

bool strips_one_space(const json& step) {
  const json &start = field(step, "start"), &stop = field(step, "stop");
  return is_type(step, "Strip") && text_of(step, "content") == " " && start == 1 && stop == 0;
}

void refuse_decoder(const json& root, const std::string& wanted, const std::string& place) {
  const json& decoder = field(root, "decoder");
  std::string seen = text_of(decoder, "type");
  if (seen == "Sequence") {
    seen += " of";
    for (const json* step : steps_of(decoder, "decoders")) seen += " " + text_of(*step, "type");
  }
  refuse_json(place, "the decoder is " + (seen.empty() ? "none" : seen) + "; wanted " + wanted);
}

// Of characters: "▁" becomes a space, bytes become characters, and a space at the beginning goes.
void read_mark_decoder(const json& root, const json& model, BpeRules& rules,
                       const std::string& place) {
  bool spaces = false, bytes = false;
  for (const json* step : steps_of(field(root, "decoder"), "decoders")) {
    if (replaces(*step, kSpaceMark, " ")) {
      spaces = true;
    } else if (is_type(*step, "Metaspace") && text_of(*step, "replacement") == kSpaceMark) {
      spaces = true;
      const std::string scheme = text_of(*step, "prepend_scheme");
      const bool kept = scheme.empty() ? !flag(*step, "add_prefix_space", true) : scheme == "never";
      rules.space_before.stripped = kept ? Stripped::none : Stripped::all;
    } else if (is_type(*step, "ByteFallback")) {
      bytes = true;
    } else if (strips_one_space(*step) && spaces) {
      rules.space_before.stripped = Stripped::one;
    } else if (!is_type(*step, "Fuse")) {
      spaces = false;
      break;
    }
  }
  rules.byte_fallback = flag(model, "byte_fallback", false);
  if (!spaces || (rules.byte_fallback && !bytes))
    refuse_decoder(root, "Replace of \"▁\" by \" \", ByteFallback, Fuse and Strip, or Metaspace",
                   place);
}

void read_decoder(const json& root, const json& model, BpeRules& rules, const std::string& place) {
  if (rules.symbols == Symbols::characters) return read_mark_decoder(root, model, rules, place);
  if (flag(model, "byte_fallback", false))
    refuse_json(place, "model.byte_fallback is set beside ByteLevel; wanted one of them");
  for (const json* step : steps_of(field(root, "decoder"), "decoders"))
    if (!is_type(*step, "ByteLevel") && !is_type(*step, "Fuse"))
      refuse_decoder(root, "ByteLevel, as the vocabulary is byte-level", place);
}

}  // namespace

void refuse_json(const std::string& place, const std::string& seen_and_wanted) {
  throw Error(place + ": " + seen_and_wanted,
              "Lineage reads BPE over bytes (GPT-2, OPT, Llama 3, Qwen, NeoX, StarCoder, BLOOM) "
              "and over characters (Llama 2, Mistral), and WordLevel tokenizers");
}

const json& field(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto it = object.find(key);
  return it == object.end() ? null : *it;
}

std::string text_of(const json& object, const char* key) {
  const json& value = field(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag(const json& object, const char* key, bool otherwise) {
  const json& value = field(object, key);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

std::string shown_steps(const json& step) {
  const std::string type = text_of(step, "type");
  if (type.empty()) return step.is_null() ? "none" : "of no type";
  const json& steps = field(step, "pretokenizers");
  if (!steps.is_array()) return type;
  std::string shown;
  for (const json& s : steps) shown += (shown.empty() ? "" : " and ") + shown_steps(s);
  return "a " + type + " of " + (shown.empty() ? "nothing" : shown);
}

void BpeRules::give(BpeModel& model) const {
  model.symbols = symbols;
  model.pattern = pattern;
  model.byte_fallback = byte_fallback;
  model.words = words;
  model.space_before = space_before;
  model.nfc = nfc;
}

BpeRules read_bpe_rules(const json& root, const SideFacts& facts, const std::string& place) {
  BpeRules rules;
  const Normalizing normalizing = read_normalizer(root, place);
  rules.nfc = normalizing.nfc;
  read_pre_tokenizer(root, normalizing, rules, place);
  take_config(facts, rules, place);
  read_decoder(root, field(root, "model"), rules, place);
  return rules;
}

void refuse_normalizer(const json& root, const std::string& place) {
  for (const json* step : steps_of(field(root, "normalizer"), "normalizers"))
    refuse_json(place, "a normalizer (" + text_of(*step, "type") +
                           "), which changes the text; wanted none for a vocabulary of words");
}

void refuse_unsupported(const json& model, const std::string& place) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!text_of(model, key).empty())
      refuse_json(place,
                  std::string("model.") + key + " is \"" + text_of(model, key) + "\"; wanted none");
  if (field(model, "dropout").is_number() && field(model, "dropout").get<double>() != 0)
    refuse_json(place, "model.dropout is not 0; wanted none, as tokens must not depend on chance");
}

}  // namespace lineage
