// Reading tokenizer.json; the fields are those of the `tokenizers` library's serialisation.
#include <algorithm>
#include <string>

#include "lineage/base/error.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/huggingface_rules.h"
#include "lineage/text/json_text.h"
#include "lineage/text/merge_text.h"
#include "lineage/text/side_files.h"
#include "lineage/text/tokenizer_files.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

using nlohmann::json;

struct AddedTokens {
  std::vector<SpecialToken> specials, ordinary;
  SpecialToken* find(std::string_view text) {
    for (auto* list : {&specials, &ordinary})
      for (SpecialToken& s : *list)
        if (s.text == text) return &s;
    return nullptr;
  }
};

void read_flags(const json& token, SpecialToken& to) {
  to.lstrip = flag(token, "lstrip", false);
  to.rstrip = flag(token, "rstrip", false);
  to.single_word = flag(token, "single_word", false);
  to.normalized = flag(token, "normalized", !flag(token, "special", false));
}

// Special tokens are found in text as it is, and so are the others where no text is changed and all
// say the same.
void settle_normalized(const BpeRules& rules, AddedTokens& added) {
  for (SpecialToken& s : added.specials) s.normalized = false;
  const auto normalized = [](const SpecialToken& s) { return s.normalized; };
  if (rules.normalizes() || !std::ranges::all_of(added.ordinary, normalized)) return;
  for (SpecialToken& s : added.ordinary) s.normalized = false;
}

// Our own key of an added token, which `tokenizers` passes over.
std::optional<Special> stated_part(const json& token, const std::string& place) {
  const std::string name = text_of(token, "part");
  if (name.empty()) return {};
  if (const auto part = find_special_name(name)) return part;
  refuse_json(place, "the part of an added token is \"" + name + "\"; wanted end_of_text or pad");
}

AddedTokens read_added_tokens(const json& root, size_t entries, const SideFacts& facts,
                              const std::string& place) {
  AddedTokens added;
  const json& list = field(root, "added_tokens");
  if (list.is_null()) return added;
  if (!list.is_array()) refuse_json(place, "added_tokens is no array; wanted one");
  for (const json& token : list) {
    const std::string text = text_of(token, "content");
    if (text.empty()) refuse_json(place, "an added token without content; wanted its text");
    const Token id = read_token_id(member(token, "id", place + ": added token \"" + text + "\""),
                                   entries + list.size(), place, text);
    // Of several with one text the first one's id counts and the last one's flags, as in
    // `tokenizers` (added_vocabulary.rs, add_tokens).
    if (SpecialToken* first = added.find(text)) {
      read_flags(token, *first);
      continue;
    }
    // A token that has one of our parts is special whatever the file says, so that text cannot
    // forge it.
    if (flag(token, "special", false) || part_of(text) || facts.special_texts.contains(text)) {
      added.specials.push_back({id, text, stated_part(token, place)});
      read_flags(token, added.specials.back());
      continue;
    }
    added.ordinary.push_back({id, text});
    read_flags(token, added.ordinary.back());
  }
  return added;
}

// Those that only the files beside tokenizer.json list, which transformers adds to it.
void add_side_tokens(const SideFacts& facts, AddedTokens& added, const std::string& place) {
  for (const SideFacts::Added& a : facts.added) {
    if (const SpecialToken* known = added.find(a.text)) {
      if (known->id != a.id)
        refuse_json(a.place, "\"" + a.text + "\" has the id " + std::to_string(a.id) + ", in " +
                                 place + " " + std::to_string(known->id) + "; wanted the same");
      continue;
    }
    (a.special ? added.specials : added.ordinary).push_back(a.token());
  }
}

// Tokens of the vocabulary that a file or the post-processor gives a part: special, unless text
// makes them ("pad_token": "!").
void add_named_tokens(const json& vocab, const std::unordered_set<std::string>& names,
                      const std::unordered_set<std::string>& made, AddedTokens& added) {
  for (const std::string& text : names) {
    const auto it = vocab.find(text);
    if (it == vocab.end() || !it->is_number_unsigned() || added.find(text) || made.contains(text))
      continue;
    added.specials.push_back(
        {static_cast<Token>(std::min<uint64_t>(it->get<uint64_t>(), 1u << 30)), text});
  }
}

// The tokens that the post-processor puts around a text.
struct Around {
  std::vector<Token> begin;
  std::vector<Token> end;
  std::unordered_set<std::string> texts;  // of all its tokens
};

// The ids of a template's special token: {"special_tokens": {"<s>": {"ids": [1], "tokens": …}}}.
std::vector<Token> template_ids(const json& post, const std::string& name, Around& around,
                                const std::string& place) {
  const json& token = field(field(post, "special_tokens"), name.c_str());
  const json& ids = field(token, "ids");
  if (!ids.is_array() || ids.empty())
    refuse_json(place, "the post_processor names \"" + name +
                           "\" without ids; wanted them in its "
                           "special_tokens");
  std::vector<Token> out;
  for (const json& id : ids) out.push_back(read_token_id(id, size_t{1} << 28, place, name));
  for (const json& text : field(token, "tokens"))
    if (text.is_string()) around.texts.insert(text.get<std::string>());
  return out;
}

void read_template(const json& post, Around& around, const std::string& place) {
  const json& single = field(post, "single");
  if (!single.is_array())
    refuse_json(place, "the post_processor has no \"single\"; wanted an array");
  std::vector<Token> before, after;
  bool text_seen = false;
  for (const json& part : single) {
    if (part.contains("Sequence")) {
      if (text_seen || text_of(part["Sequence"], "id") != "A")
        refuse_json(place,
                    "the post_processor's \"single\" has another text than A, or it twice; "
                    "wanted it once");
      text_seen = true;
      continue;
    }
    const auto ids = template_ids(post, text_of(field(part, "SpecialToken"), "id"), around, place);
    auto& side = text_seen ? after : before;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!text_seen) refuse_json(place, "the post_processor's \"single\" has no text; wanted A in it");
  around.begin.insert(around.begin.begin(), before.begin(), before.end());
  around.end.insert(around.end.end(), after.begin(), after.end());
}

// ["<s>", 0]
Token token_of_pair(const json& post, const char* key, Around& around, const std::string& place) {
  const json& pair = field(post, key);
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string())
    refuse_json(place,
                std::string("the post_processor's \"") + key + "\" is no [text, id]; wanted one");
  around.texts.insert(pair[0].get<std::string>());
  return read_token_id(pair[1], size_t{1} << 28, place, pair[0].get<std::string>());
}

void read_post_processor(const json& post, Around& around, const std::string& place) {
  if (post.is_null()) return;
  const std::string type = text_of(post, "type");
  if (type == "ByteLevel") return;
  if (type == "TemplateProcessing") return read_template(post, around, place);
  if (type == "RobertaProcessing" || type == "BertProcessing") {
    around.begin.insert(around.begin.begin(), token_of_pair(post, "cls", around, place));
    around.end.push_back(token_of_pair(post, "sep", around, place));
    return;
  }
  if (type == "Sequence" && field(post, "processors").is_array()) {
    for (const json& step : post["processors"]) read_post_processor(step, around, place);
    return;
  }
  refuse_json(place, "the post_processor is " + (type.empty() ? "of no type" : type) +
                         ", which is not supported; wanted ByteLevel, TemplateProcessing or "
                         "RobertaProcessing");
}

void check_special_entry(const json& vocab, const SpecialToken& special, const std::string& place) {
  const auto it = vocab.find(special.text);
  if (it != vocab.end() && (!it->is_number_integer() || it->get<int64_t>() != special.id))
    refuse_json(place, "the added token \"" + special.text + "\" has the id " +
                           std::to_string(special.id) + ", in the vocabulary " +
                           it->dump().substr(0, 20) + "; wanted the same");
}

// Fills `texts` by id from the vocabulary, without the added tokens. as_text(key) is the text to
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
      refuse_json(place, "\"" + key + "\" and another token share the id " + std::to_string(id) +
                             "; wanted one id each");
    texts[id] = as_text(key);
  }
}

void read_merges(const json& list, BpeModel& model, const std::string& place) {
  if (!list.is_array()) refuse_json(place, "model.merges is no array; wanted one");
  const MergeReader reader(model.tokens, model.symbols);
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string here = place + ": model.merges[" + std::to_string(i) + "]";
    const json& merge = list[i];
    // A line of merges.txt that old files have here too.
    if (merge.is_string() && merge.get_ref<const std::string&>().starts_with("#version")) continue;
    if (merge.is_string()) {
      model.merges.push_back(reader.read_line(merge.get_ref<const std::string&>(), here));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      model.merges.push_back(reader.read(merge[0].get_ref<const std::string&>(),
                                         merge[1].get_ref<const std::string&>(), here));
    } else {
      refuse_json(here, "neither \"a b\" nor [\"a\", \"b\"]; wanted one of these");
    }
  }
  drop_repeated_merges(model.merges);
}

bool is_one_symbol(const std::string& key, Symbols symbols) {
  const auto token = read_token_text(key, symbols);
  if (!token || token->empty()) return false;
  if (symbols == Symbols::bytes) return token->size() == 1;
  return byte_of_token(key) || read_char(key.data(), key.data() + key.size()).bytes == key.size();
}

// The tokens that text can become: bytes or characters, and results of merges, spelled as in the
// vocabulary.
std::unordered_set<std::string> made_by_text(const json& model, const json& vocab,
                                             Symbols symbols) {
  std::unordered_set<std::string> made;
  for (const json& merge : field(model, "merges")) {
    std::string joined;
    if (merge.is_string()) joined = merge.get<std::string>();
    if (merge.is_array())
      for (const json& part : merge)
        if (part.is_string()) joined += part.get<std::string>();
    std::erase(joined, ' ');
    made.insert(std::move(joined));
  }
  for (const auto& [key, id] : vocab.items())
    if (is_one_symbol(key, symbols)) made.insert(key);
  return made;
}

// The added tokens of all the files.
AddedTokens all_added_tokens(const json& root, const json& vocab, const SideFacts& facts,
                             const Around& around, const std::unordered_set<std::string>& made,
                             const std::string& place) {
  AddedTokens added = read_added_tokens(root, vocab.size(), facts, place);
  add_side_tokens(facts, added, place);
  auto names = facts.special_texts;
  names.insert(around.texts.begin(), around.texts.end());
  add_named_tokens(vocab, names, made, added);
  return added;
}

// Parts and beginnings, from all the files together. A token that the template puts after texts is
// their end of text, if nothing else determines it.
std::vector<Token> read_parts(SideFacts facts, const Around& around,
                              std::vector<SpecialToken>& specials, const std::string& place) {
  for (Token begin : around.begin)
    if (std::ranges::find(specials, begin, &SpecialToken::id) == specials.end())
      refuse_json(place, "the post_processor begins texts with the token " + std::to_string(begin) +
                             ", which is no special token; wanted one of added_tokens");
  for (Token end : around.end) facts.end_of_text.push_back({{}, end});
  name_parts(facts, specials);
  return begin_of_text(facts, around.begin, specials);
}

// The token for what the vocabulary lacks.
void read_unknown(const json& model, const json& vocab, AddedTokens& added, BpeModel& bpe,
                  const std::string& place) {
  const std::string text = text_of(model, "unk_token");
  if (text.empty()) return;
  bpe.fuse_unknown = flag(model, "fuse_unk", false);
  if (const SpecialToken* token = added.find(text)) {
    bpe.unknown = token->id;
  } else if (const auto entry = vocab.find(text); entry != vocab.end()) {
    bpe.unknown = read_token_id(*entry, vocab.size(), place, text);
  } else {
    refuse_json(place, "model.unk_token is \"" + text + "\", which is no token; wanted one");
  }
}

std::shared_ptr<const Tokenizer> read_bpe(const json& root, const json& model,
                                          const SideFiles& files, const std::string& place) {
  refuse_unsupported(model, place);
  const json& vocab = member(model, "vocab", place + ": model");
  if (!vocab.is_object())
    refuse_json(place, "model.vocab is no object; wanted tokens and their ids");
  const SideFacts facts = read_side_files(files, vocab.size());
  BpeModel bpe;
  const BpeRules rules = read_bpe_rules(root, facts, place);
  rules.give(bpe);
  Around around;
  read_post_processor(field(root, "post_processor"), around, place);
  AddedTokens added =
      all_added_tokens(root, vocab, facts, around, made_by_text(model, vocab, bpe.symbols), place);
  settle_normalized(rules, added);
  read_vocab(vocab, added, bpe.tokens, place, [&](const std::string& key) {
    auto token = read_token_text(key, bpe.symbols);
    if (!token || token->empty())
      refuse_json(place, "the token \"" + key +
                             "\" is not written in the byte alphabet of GPT-2; wanted a "
                             "byte-level vocabulary");
    return *token;
  });
  read_unknown(model, vocab, added, bpe, place);
  bpe.begin_of_text = read_parts(facts, around, added.specials, place);
  bpe.specials = std::move(added.specials);
  bpe.added = std::move(added.ordinary);
  bpe.whole_pieces = flag(model, "ignore_merges", false);
  read_merges(member(model, "merges", place + ": model"), bpe, place);
  return std::make_shared<BpeTokenizer>(std::move(bpe), place);
}

bool is_split(const json& step, const char* text, const char* behavior) {
  return text_of(step, "type") == "Split" && text_of(field(step, "pattern"), "String") == text &&
         text_of(step, "behavior") == behavior && !flag(step, "invert", false);
}

WordSplit read_word_split(const json& pre, const std::string& place) {
  const std::string type = text_of(pre, "type");
  if (type == "WhitespaceSplit") return WordSplit::whitespace_split;
  if (type == "Whitespace") return WordSplit::whitespace;
  const json& steps = field(pre, "pretokenizers");
  if (type == "Sequence" && steps.is_array() && steps.size() == 1)
    return read_word_split(steps[0], place);
  if (type == "Sequence" && steps.is_array() && steps.size() == 2 &&
      is_split(steps[0], "\n", "Isolated") && is_split(steps[1], " ", "Removed"))
    return WordSplit::spaces;
  refuse_json(place,
              "the pre_tokenizer of words is " + shown_steps(pre) +
                  ", which is not supported; wanted Whitespace, WhitespaceSplit, or a Sequence "
                  "of Splits at \"\\n\" and \" \"");
}

std::shared_ptr<const Tokenizer> read_words(const json& root, const json& model,
                                            const SideFiles& files, const std::string& place) {
  refuse_unsupported(model, place);
  refuse_normalizer(root, place);
  const json& vocab = member(model, "vocab", place + ": model");
  if (!vocab.is_object())
    refuse_json(place, "model.vocab is no object; wanted words and their ids");
  const SideFacts facts = read_side_files(files, vocab.size());
  WordModel words;
  words.split = read_word_split(field(root, "pre_tokenizer"), place);
  Around around;
  read_post_processor(field(root, "post_processor"), around, place);
  AddedTokens added = all_added_tokens(root, vocab, facts, around, {}, place);
  settle_normalized({}, added);
  if (!added.ordinary.empty())
    refuse_json(place, "the added token \"" + added.ordinary.front().text +
                           "\" is not special; wanted only special ones beside words");
  read_vocab(vocab, added, words.words, place, [](const std::string& key) { return key; });
  const std::string unknown = text_of(model, "unk_token");
  if (vocab.contains(unknown) || added.find(unknown)) words.unknown = unknown;
  words.begin_of_text = read_parts(facts, around, added.specials, place);
  words.specials = std::move(added.specials);
  return std::make_shared<WordTokenizer>(std::move(words), place);
}

}  // namespace

std::shared_ptr<const Tokenizer> parse_huggingface(std::string_view text, const std::string& place,
                                                   const SideFiles& files) {
  const json root = parse_json(text, place);
  const json& model = member(root, "model", place);
  std::string type = text_of(model, "type");
  if (type.empty() && model.is_object() && model.contains("merges")) type = "BPE";
  if (type == "BPE") return read_bpe(root, model, files, place);
  if (type == "WordLevel") return read_words(root, model, files, place);
  refuse_json(place, "model.type is \"" + type + "\"; wanted BPE or WordLevel");
}

}  // namespace lineage
