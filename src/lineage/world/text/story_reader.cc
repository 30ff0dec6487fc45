#include "lineage/world/text/story_reader.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "lineage/world/boxes.h"
#include "lineage/world/grammar.h"
#include "lineage/world/text/generators.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

bool in_block(std::string_view block, Token t) {
  const auto words = Vocabulary::get().tokens(block);
  return std::ranges::find(words, t) != words.end();
}

// How many tokens a slot of a story's sentence takes here; 0: none that fits.
size_t slot_size(char slot, std::span<const Token> text) {
  const auto is = [&](std::string_view block) { return size_t{in_block(block, text[0])}; };
  const auto one_of = [&](std::initializer_list<std::string_view> words) {
    return size_t{std::ranges::any_of(words, [&](auto w) { return word_token(w) == text[0]; })};
  };
  switch (slot) {
    case 'h':
      if (!is("first_names")) return 0;
      return text.size() > 1 && in_block("family_names", text[1]) ? 2 : 1;
    case 'k':
    case 'w':
      return is("first_names");
    case 'p':
      return one_of({"he", "she"});
    case 'm':
      return one_of({"him", "her"});
    case 'x':
      return one_of({"his", "her"});
    case 'n':
      return one_of({"boy", "girl"});
    case 'o':
      return is("objects");
    case 'c':
      return is("containers");
    case 'g':
    case 'l':
      return is("contested");
    case 'j':
      return is("jobs");
    case 'f':
      return is("foods");
    default:
      return is("adjectives");
  }
}

struct Mention {
  char slot;
  Token first;
};

std::optional<std::vector<Mention>> match(const Template& form, std::span<const Token> sentence) {
  std::vector<Mention> mentions;
  size_t at = 0;
  for (Token item : form.items()) {
    if (at >= sentence.size()) return {};
    if (item >= 0) {
      if (sentence[at++] != item) return {};
      continue;
    }
    const auto slot = static_cast<char>(-item);
    const size_t size = slot_size(slot, sentence.subspan(at));
    if (size == 0) return {};
    mentions.push_back({slot, sentence[at]});
    at += size;
  }
  if (at != sentence.size()) return {};
  return mentions;
}

// The persons and the thing that the opening mentions.
class CastSeen {
 public:
  // Whether a mention is of the cast; the first of each kind makes it so. None: the mention has no
  // bearing on the cast.
  std::optional<bool> fits(const Mention& m) {
    static const Token he = word_token("he"), him = word_token("him"), his = word_token("his"),
                       boy = word_token("boy");
    switch (m.slot) {
      case 'h':
      case 'k':
        if (std::ranges::find(names_, m.first) != names_.end()) return true;
        if (names_.size() >= 2) return false;  // hero and helper
        return names_.push_back(m.first), true;
      case 'p':
      case 'm':
      case 'x':
      case 'n': {
        if (names_.empty()) return {};
        const auto all = Vocabulary::get().tokens("first_names");
        const bool female = std::ranges::find(all, names_[0]) - all.begin() < 32;
        const bool male = m.first == he || m.first == him || m.first == his || m.first == boy;
        return male != female;
      }
      case 'o':
        if (object_ < 0) object_ = m.first;
        return m.first == object_;
      default:
        return {};
    }
  }

 private:
  std::vector<Token> names_;
  Token object_ = -1;
};

std::vector<Tokens> sentences_of(std::span<const Token> text, bool& whole) {
  static const Token stop = word_token("."), question = word_token("?");
  std::vector<Tokens> sentences(1);
  for (Token t : text) {
    sentences.back().push_back(t);
    if (t == stop || t == question) sentences.emplace_back();
  }
  whole = sentences.back().empty();
  if (whole) sentences.pop_back();
  return sentences;
}

}  // namespace

double StoryReport::consistent() const {
  return share(fitting_mentions, mentions, std::numeric_limits<double>::quiet_NaN());
}

StoryReport read_story(std::span<const Token> opening, std::span<const Token> text) {
  static const std::vector<Template> events = story_sentences(), boxes = box_sentences();
  StoryReport report;
  CastSeen cast;
  std::vector<Tokens> before;
  bool whole = true;
  const auto mentions_of = [&](const Tokens& sentence) -> std::optional<std::vector<Mention>> {
    for (const Template& form : events)
      if (auto mentions = match(form, sentence)) return mentions;
    return {};
  };
  for (const Tokens& sentence : sentences_of(opening, whole)) {
    if (const auto mentions = mentions_of(sentence))
      for (const Mention& m : *mentions) cast.fits(m);
    before.push_back(sentence);
  }
  std::vector<Tokens> sentences = sentences_of(text, whole);
  if (!whole && sentences.size() > 1) sentences.pop_back();
  for (const Tokens& sentence : sentences) {
    ++report.sentences;
    report.seen_before += std::ranges::find(before, sentence) != before.end();
    before.push_back(sentence);
    const auto mentions = mentions_of(sentence);
    report.derived +=
        mentions || is_sentence(sentence) || std::ranges::any_of(boxes, [&](const Template& form) {
          return match(form, sentence).has_value();
        });
    if (!mentions) continue;
    for (const Mention& m : *mentions)
      if (const auto fits = cast.fits(m)) ++report.mentions, report.fitting_mentions += *fits;
  }
  return report;
}

}  // namespace lineage
