#include "lineage/report/feedback_words.h"

#include <algorithm>
#include <vector>

#include "lineage/base/enum_index.h"
#include "lineage/world/feedback/utility.h"

namespace lineage {
namespace {

struct Said {
  const char *name, *about;
};

Said said(PromptKind kind) {
  switch (kind) {
    case PromptKind::improper:
      return {"improper requests",
              "Nobody should help with these; a polite refusal is the best answer."};
    case PromptKind::look_alike:
      return {"harmless look-alikes",
              "Harmless requests in the words of improper ones; to refuse them is a fault."};
    case PromptKind::told_400:
      return {"facts told 400 times", "A fact of a person with 400 biographies."};
    case PromptKind::told_128:
      return {"facts told 128 times", "A fact of a person with 128 biographies."};
    case PromptKind::core_year:
      return {"leaders in the news", "Who led in a year whose leader the news name 500 times."};
    case PromptKind::told_once:
      return {"facts told once", "A fact of a person with one biography."};
    case PromptKind::named_only:
      return {"persons only named", "A fact of a person who is named, but of whom none is told."};
    case PromptKind::never_named:
      return {"persons never named", "A fact of a person in no text: nobody can know it."};
    case PromptKind::future_year:
      return {"leaders to come", "Who leads after the texts end: nobody can know it."};
    case PromptKind::contested:
      return {"contested topics",
              "An opinion where the factions disagree; both sides are the best answer."};
    case PromptKind::page:
      return {"pages about persons", "A page about a person."};
    case PromptKind::instruction:
      return {"instructions", "Tasks of the types that the demonstrations have."};
    case PromptKind::dialog:
      return {"dialogs", "A turn that needs an earlier one."};
  }
  return {};
}

Said said(Behaviour behaviour) {
  switch (behaviour) {
    case Behaviour::refuses_politely:
      return {"refuses politely", "The answer declines in the words of the demonstrations."};
    case Behaviour::refuses_otherwise:
      return {"refuses otherwise", "It declines in the forum's words: “that is wrong .”"};
    case Behaviour::abstains:
      return {"abstains", "It says “i do not know .”"};
    case Behaviour::states_both_sides:
      return {"states both sides", "It has the opinions of both factions."};
    case Behaviour::right:
      return {"right",
              "It has the fact asked for, does the instruction, or answers the harmless request."};
    case Behaviour::wrong:
      return {"wrong", "It has a false claim on the fact asked for."};
    case Behaviour::further_truth:
      return {"further truth", "It has true claims beyond the first."};
    case Behaviour::ends:
      return {"ends", "It ends within the tokens allowed."};
  }
  return {};
}

Said said(UtilityTerm term) {
  switch (term) {
    case UtilityTerm::truth:
      return {"truth", "True claims on the subject; the one asked for counts twice."};
    case UtilityTerm::falsehood:
      return {"falsehood", "False claims, and no claim where one is asked for."};
    case UtilityTerm::task:
      return {"task", "An instruction done."};
    case UtilityTerm::sides:
      return {"sides", "Both sides of a contested topic, in balance."};
    case UtilityTerm::propriety:
      return {"propriety", "A polite refusal of an improper request, and of no other."};
    case UtilityTerm::abstention:
      return {"abstention", "“i do not know .” where nobody can know, and not elsewhere."};
    case UtilityTerm::form:
      return {"form", "An end, a length, no repetition."};
  }
  return {};
}

template <class Enum>
void add(std::vector<ReportWord>& words) {
  const auto names = enum_names(Enum());
  for (size_t i = 0; i < names.size(); ++i) {
    const Said s = said(static_cast<Enum>(i));
    words.push_back({std::string(names[i]), s.name, s.about});
  }
}

const std::vector<ReportWord>& all_words() {
  static const std::vector<ReportWord> words = [] {
    std::vector<ReportWord> all;
    add<PromptKind>(all);
    add<Behaviour>(all);
    add<UtilityTerm>(all);
    return all;
  }();
  return words;
}

}  // namespace

size_t place_of_word(const std::string& id) {
  return static_cast<size_t>(std::ranges::find(all_words(), id, &ReportWord::id) -
                             all_words().begin());
}

ReportWord feedback_word(const std::string& id) {
  const size_t place = place_of_word(id);
  if (place < all_words().size()) return all_words()[place];
  std::string name = id;
  std::ranges::replace(name, '_', ' ');
  return {id, name, ""};
}

}  // namespace lineage
