#include <fmt/format.h>

#include <array>
#include <set>

#include "lineage/base/enum_index.h"
#include "lineage/world/gallery/gallery.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// Some of the 256 terminal colours, readable on black and on white.
int colour_of(Ability ability) {
  constexpr std::array<uint8_t, 27> kColours = {0,   34,  35,  33,  172, 201, 129, 67,  39,
                                                135, 208, 37,  196, 142, 65,  0,   0,   30,
                                                166, 160, 103, 99,  125, 28,  61,  132, 244};
  return kColours[enum_index(ability)];
}

constexpr std::string_view kPlain = "\x1b[0m";

std::string escape(TokenTag tag) {
  return fmt::format("\x1b[{}38;5;{}m", tag.answer ? "1;4;" : "", colour_of(tag.ability));
}

// Writes words with a space between, in lines and blocks where the tokens have layout.
class Layout {
 public:
  Layout(bool colour, std::string margin) : colour_(colour), margin_(std::move(margin)) {}

  void add(Token token, TokenTag tag) {
    static const Vocabulary& v = Vocabulary::get();
    static const Token newline = v.token("\n"), indent = v.token("<indent>"),
                       dedent = v.token("<dedent>");
    if (token == newline) return end_line();
    if (token == indent || token == dedent) {
      depth_ += token == indent ? 1 : -1;
      return;
    }
    const bool digit = v.digit(0) <= token && token < v.digit(0) + 10;
    const bool joins = digit && was_digit_ && tag == tag_ && !at_start_;
    if (!joins) {
      mark(tag);
      if (at_start_)
        text_ += margin_ + std::string(static_cast<size_t>(2 * std::max(depth_, 0)), ' ');
      else
        text_ += ' ';
      open(tag);
    }
    text_ += digit ? std::to_string(token - v.digit(0)) : std::string(v.word(token));
    was_digit_ = digit, at_start_ = false;
  }
  std::string take() {
    end_line();
    return std::move(text_);
  }

 private:
  // Ends the previous tag's marks where this one differs.
  void mark(TokenTag next) {
    changed_ = at_start_ || !(next == tag_);
    if (changed_) close();
  }
  void close() {
    if (!open_) return;
    text_ += colour_ ? kPlain : "_";
    open_ = false;
  }
  void open(TokenTag tag) {
    if (changed_ && tag.ability != Ability::none && (colour_ || tag.answer)) {
      text_ += colour_ ? escape(tag) : "_";
      open_ = true;
    }
    tag_ = tag;
  }
  void end_line() {
    close();
    if (!at_start_) text_ += '\n';
    at_start_ = true, was_digit_ = false;
  }

  bool colour_;
  std::string margin_, text_;
  int depth_ = 0;
  bool at_start_ = true, was_digit_ = false, open_ = false, changed_ = true;
  TokenTag tag_{};
};

std::string number_and_id(Ability ability) {
  return fmt::format("A{:02} {}", static_cast<int>(ability), ability_name(ability));
}

}  // namespace

std::string sample_text(const Sample& sample, bool colour) {
  size_t tokens = 0, answers = 0;
  for (const SamplePart& part : sample.parts)
    for (TokenTag tag : part.tags) ++tokens, answers += tag.answer;
  std::string out = fmt::format("{}{}{}{}{}  {} tokens, {} answer-bearing\n",
                                colour ? "\x1b[1m" : "", sample.kind, colour ? kPlain : "",
                                sample.title.empty() ? "" : ": ", sample.title, tokens, answers);
  for (const SamplePart& part : sample.parts) {
    Layout layout(colour, part.name.empty() ? "  " : std::string(12, ' '));
    for (size_t i = 0; i < part.tokens.size(); ++i) layout.add(part.tokens[i], part.tags[i]);
    std::string text = layout.take();
    if (!part.name.empty() && text.size() > 12)
      text.replace(0, 12, fmt::format("  {:10}", part.name));
    out += text;
  }
  return out;
}

std::string colour_legend(const std::vector<Sample>& samples, bool colour) {
  std::set<Ability> seen;
  for (const Sample& sample : samples)
    for (const SamplePart& part : sample.parts)
      for (TokenTag tag : part.tags)
        if (tag.ability != Ability::none) seen.insert(tag.ability);
  std::string out;
  for (Ability ability : seen) {
    if (!out.empty()) out += "  ";
    out += colour ? escape({ability, false}) + number_and_id(ability) + std::string(kPlain)
                  : number_and_id(ability);
  }
  return out;
}

}  // namespace lineage
