#include "lineage/data/preference_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/blanks.h"
#include "lineage/data/source.h"
#include "lineage/data/sources/ascii.h"

namespace lineage {
namespace {

using nlohmann::json;
using Values = std::vector<double>;

// The keys of answers and of what was said of them. docs/formats.md lists them.
constexpr std::array kAnswerLists = {"responses", "answers", "completions", "outputs",
                                     "candidates"};
constexpr std::array kStems = {"response",   "answer",    "output",      "completion",
                               "prediction", "human_ref", "conversation"};
constexpr std::array kRankLists = {"ranks", "ranking", "rank"};
constexpr std::array kScoreLists = {"scores", "ratings", "rewards"};
constexpr std::array kScoreStems = {"score", "rating"};
constexpr std::array kStrengths = {"preference_strength", "overall_preference"};
constexpr std::array kLabels = {"label", "winner", "preferred", "preference"};

constexpr size_t kMostAnswers = 1000;  // each is compared with each
constexpr std::string_view kPreferenceFormats =
    "wanted chosen + rejected, responses + ranks or scores, or response1 + response2 with a label "
    "or scores";

// Answers at keys that end in 1, 2, … or 0, 1, … or a, b, …
struct Numbered {
  std::vector<std::string> keys, suffixes;
};

// The answers of a record, not yet checked, and what it says of them: the best has rank 1, or the
// highest score.
struct Judged {
  std::vector<Turn> prompt{};
  std::vector<std::string> answers{};
  std::optional<Values> ranks{}, scores{};
};

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

class PreferenceReader : RecordTurns {
 public:
  using RecordTurns::RecordTurns;

  PreferenceContent read() && {
    if (!record_.is_object())
      throw Error(fmt::format("{}: is {}; wanted an object", place_, record_.type_name()));
    const json* root = find("prompt");
    const std::vector<Judged> all =
        root && root->is_object() ? tree(*root) : std::vector{answers()};
    if (!remarks_.dropped.empty()) return {std::move(remarks_), {}};
    std::vector<RankedAnswers> comparisons;
    std::vector<Turns> turns;
    for (const Judged& judged : all) {
      if (std::optional<RankedAnswers> r = ranked(judged)) comparisons.push_back(std::move(*r));
      turns.push_back(all_turns(judged));
    }
    note_unused(turns);
    for (RankedAnswers& r : comparisons) r.record = comparisons[0].record;
    if (comparisons.empty()) remarks_.dropped = dropped::kTie;
    return {std::move(remarks_), std::move(comparisons)};
  }

 private:
  // ---- by format

  Judged answers() {
    if (record_.contains("chosen") || record_.contains("rejected")) return chosen_and_rejected();
    for (const char* key : kAnswerLists)
      if (const json* list = find(key); list && list->is_array()) return listed(*list, key);
    if (const std::optional<Numbered> numbered = numbered_answers()) return compared(*numbered);
    if (std::optional<Judged> named = named_answers()) return *named;
    for (const char* key : answer_keys())
      if (find(key))
        throw Error(
            fmt::format("{}: has one answer, {}; wanted two or more to compare", place_, key));
    throw Error(
        fmt::format("{}: is no comparison (its keys: {}); {}", place_, keys(), kPreferenceFormats),
        help_with_records());
  }

  Judged chosen_and_rejected() {
    static constexpr std::array kSides = {"chosen", "rejected"};
    std::array<const json*, 2> sides{};
    for (size_t i = 0; i < 2; ++i) {
      const char* other = kSides[1 - i];
      require(record_.contains(kSides[i]), place_, ": has ", other, " and no ", kSides[i],
              "; wanted both to compare");
      sides[i] = find(kSides[i]);
      require(sides[i], place_, ": ", kSides[i], " is a blank answer; wanted some text in each");
    }
    require(kind(*sides[0]) == kind(*sides[1]), place_, ": chosen is ", kind(*sides[0]),
            " and rejected is ", kind(*sides[1]), "; wanted two of a kind");
    const bool whole = is_messages(*sides[0]);
    const Turns before = prompt(/*lists=*/!whole);
    std::array<Turns, 2> turns;
    for (size_t i = 0; i < 2; ++i) turns[i] = join(before, side(*sides[i], kSides[i], before));
    Judged judged = split(std::move(turns), {kSides.begin(), kSides.end()});
    judged.ranks = Values{1, 2};
    judged.scores = scores_of({"chosen", "rejected"});
    return judged;
  }

  static std::string_view kind(const json& side) {
    if (is_messages(side)) return "a list of messages";
    return side.is_object() ? "a message" : side.is_string() ? "a text" : side.type_name();
  }

  // The turns of one side: messages, a transcript, or an answer to the prompt.
  Turns side(const json& value, const std::string& key, const Turns& before) {
    if (is_messages(value)) return messages(value, key);
    if (value.is_object()) return messages(json::array({value}), key);
    const std::string text = answer_text(value, key);
    if (before.empty() || is_transcript(text)) return transcript(text, key);
    return {{Role::assistant, text}};
  }

  // Two conversations that differ in their last answer alone.
  Judged split(std::array<Turns, 2> sides, const std::vector<std::string>& names) {
    Judged judged;
    if (!remarks_.dropped.empty()) return judged;
    for (size_t i = 0; i < 2; ++i) {
      require(end_with_answer(sides[i]), place_, ": ", names[i],
              " has no turn of the assistant; wanted an answer at its end");
      judged.answers.push_back(std::move(sides[i].back().text));
      sides[i].pop_back();
    }
    const auto differ = std::ranges::mismatch(sides[0], sides[1]).in1 - sides[0].begin();
    require(sides[0] == sides[1], place_, ": ", names[0], " and ", names[1],
            " share no prompt: they differ in turn ", differ,
            "; wanted one prompt, and two answers at its end");
    judged.prompt = with_context(std::move(sides[0]));
    return judged;
  }

  // A list of answers: texts with a list of ranks or scores beside it, or objects with their own.
  Judged listed(const json& list, const std::string& key) {
    Judged judged;
    judged.prompt = with_context(prompt());
    Values ranks, scores;
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string what = fmt::format("{}[{}]", key, i);
      const json& one = list[i];
      if (!one.is_object()) {
        judged.answers.push_back(answer_text(one, what));
        continue;
      }
      const json* text = first_of(
          one, {"text", "response", "answer", "completion", "content", "output", "solution"});
      require(text, place_, ": ", what, " has no text; wanted text, response or answer in it");
      judged.answers.push_back(answer_text(*text, what));
      if (const json* rank = first_of(one, {"rank", "ranking"}))
        ranks.push_back(rank_in(*rank, what + ".rank"));
      if (const json* score =
              first_of(one, {"score", "rating", "overall_score", "reward", "is_correct"}))
        scores.push_back(number_in(*score, what + ".score"));
    }
    if (!ranks.empty()) judged.ranks = ranks;
    if (!scores.empty()) judged.scores = scores;
    add_lists(judged);
    return judged;
  }

  // Ranks and scores that stand in lists beside the answers.
  void add_lists(Judged& judged) {
    const auto read = [&](const auto& names, auto number) {
      std::optional<Values> values;
      for (const char* key : names)
        if (const json* list = find(key); list && list->is_array() && !values) {
          values.emplace();
          for (size_t i = 0; i < list->size(); ++i)
            values->push_back((this->*number)((*list)[i], fmt::format("{}[{}]", key, i)));
        }
      return values;
    };
    if (!judged.ranks) judged.ranks = read(kRankLists, &PreferenceReader::rank_in);
    if (!judged.scores) judged.scores = read(kScoreLists, &PreferenceReader::number_in);
  }

  // "response1", "response2", … and the like, if there are any.
  std::optional<Numbered> numbered_answers() {
    for (const std::string stem : kStems)
      for (const std::string separator : {"_", "", " "})
        for (const std::string_view alphabet : {"0123456789", "123456789", "abcdefgh", "ABCDEFGH"})
          if (record_.contains(stem + separator + alphabet[0])) {
            Numbered found;
            for (const char c : alphabet) {
              const std::string key = stem + separator + c;
              if (!record_.contains(key)) break;
              found.keys.push_back(key);
              found.suffixes.emplace_back(1, c);
              used_.insert(key);
            }
            return found;
          }
    return std::nullopt;
  }

  // Numbered answers and what the record says of them.
  Judged compared(const Numbered& numbered) {
    const auto value = [&](size_t i) -> const json& { return record_[numbered.keys[i]]; };
    Judged judged;
    if (numbered.keys.size() == 2 && is_messages(value(0)) && is_messages(value(1))) {
      judged = split({messages(value(0), numbered.keys[0]), messages(value(1), numbered.keys[1])},
                     numbered.keys);
      if (!remarks_.dropped.empty()) return judged;
    } else {
      judged.prompt = prompt();
      if (!record_.contains("human_ref_A")) judged.prompt = with_context(judged.prompt);
      for (size_t i = 0; i < numbered.keys.size(); ++i)
        judged.answers.push_back(answer_text(value(i), numbered.keys[i]));
    }
    judged.scores = scores_of(numbered.suffixes);
    judged.ranks = verdict(numbered);
    add_lists(judged);
    return judged;
  }

  // Objects under names of their own, as models' names: each with a solution and whether it is
  // correct.
  std::optional<Judged> named_answers() {
    Judged judged;
    Values scores;
    for (const auto& item : record_.items()) {
      const json& one = item.value();
      if (!one.is_object() || !one.contains("solution") || !one.contains("is_correct")) continue;
      judged.answers.push_back(answer_text(one["solution"], item.key()));
      scores.push_back(number_in(one["is_correct"], item.key() + ".is_correct"));
    }
    if (scores.empty()) return std::nullopt;
    judged.prompt = with_context(prompt());
    judged.scores = scores;
    return judged;
  }

  // OpenAssistant: every turn of a user whose answers have ranks, which begin at 0.
  std::vector<Judged> tree(const json& root) {
    constexpr size_t kDeepest = 1000;
    struct Open {
      const json* node;
      Turns before;
    };
    std::vector<Judged> all;
    std::vector<Open> open{{&root, {}}};
    while (!open.empty()) {
      Open at = std::move(open.back());
      open.pop_back();
      require(at.before.size() < kDeepest, place_, ": has more than ", kDeepest,
              " turns one below the other; wanted a conversation");
      add_message(*at.node, at.before);
      if (!remarks_.dropped.empty()) return {};
      Judged judged{at.before, {}, Values(), {}};
      for (const json* reply : replies(*at.node)) {
        open.push_back({reply, at.before});
        if (!reply->contains("rank") || (*reply)["rank"].is_null()) continue;
        judged.answers.push_back(answer_text(reply->value("text", json()), "a reply's text"));
        judged.ranks->push_back(number_in((*reply)["rank"], "a reply's rank"));
      }
      if (at.before.back().role == Role::user && judged.answers.size() > 1) all.push_back(judged);
    }
    return all;
  }

  // ---- the prompt

  // The turns that stand before the answers; none where the answers hold them. `lists`: also those
  // of a list of messages.
  Turns prompt(bool lists = true) {
    if (const json* post = find("history"); post && post->is_string())
      return {{Role::user, post->get<std::string>()}};  // of SHP
    if (const json* context = find("context"); context && is_messages(*context) && !find("prompt"))
      return messages(*context, "context");
    Turns turns = request().value_or(Turns());
    if (turns.size() == 1 && blank(turns[0].text)) turns.clear();
    if (turns.empty() && lists) turns = message_list().value_or(Turns());
    if (turns.size() != 1 || !is_transcript(turns[0].text)) return turns;
    turns = transcript(turns[0].text, "the prompt");
    if (turns.back().role == Role::assistant && blank(turns.back().text)) turns.pop_back();
    return turns;
  }

  static bool is_transcript(std::string_view text) {
    return trimmed(text).starts_with("Human:") && text.find("\n\nAssistant:") != text.npos;
  }

  void check_prompt(const Turns& turns) const {
    const bool any = std::ranges::any_of(turns, [](const Turn& t) { return !blank(t.text); });
    require(any, place_, ": has no prompt (its keys: ", keys(),
            "); wanted prompt, question, instruction or the like");
    require(turns.back().role == Role::user, place_, ": the prompt ends with a turn of the ",
            enum_name(turns.back().role), "; wanted a user's");
  }

  // ---- answers and judgements

  std::string answer_text(const json& value, const std::string& key) const {
    const bool list = value.is_array() && !value.empty() && value[0].is_string();
    require(!list, place_, ": ", key, " is a list of texts; wanted one text");
    return text_in(value, fmt::format("{}: {}", place_, key));
  }

  void check_answers(const std::vector<std::string>& answers) const {
    require(answers.size() > 1, place_, ": has ", answers.size(), " answer",
            answers.size() == 1 ? "" : "s", "; wanted two or more to compare");
    require(answers.size() <= kMostAnswers, place_, ": has ", answers.size(),
            " answers; wanted at most ", kMostAnswers);
    for (size_t i = 0; i < answers.size(); ++i)
      require(!blank(answers[i]), place_, ": answer ", i + 1, " of ", answers.size(),
              " is blank; wanted some text in each");
  }

  double number_in(const json& value, const std::string& what) const {
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    require(value.is_number(), place_, ": ", what, " is ",
            value.is_null() ? "null or NaN" : value.type_name(), "; wanted a number");
    return value.get<double>();
  }

  // A rank, the best of which is 1.
  double rank_in(const json& value, const std::string& what) const {
    require(value.is_number(), place_, ": ", what, " is ",
            value.is_null() ? "null or NaN" : value.type_name(), "; wanted a number");
    const auto rank = value.get<double>();
    require(rank >= 1, place_, ": ", what, " is ", rank,
            "; wanted 1 for the best, 2 for the next, …");
    return rank;
  }

  // "score_A", "score1", "rating_chosen", "chosen_score", … of every suffix; nothing when there is
  // none.
  std::optional<Values> scores_of(const std::vector<std::string>& suffixes) {
    for (const std::string stem : kScoreStems)
      for (const std::string separator : {"_", "", "-"})
        for (const bool behind : {true, false}) {
          Values scores;
          for (const std::string& s : suffixes) {
            const std::string key = behind ? stem + separator + s : s + separator + stem;
            if (record_.contains(key)) scores.push_back(number_in(record_[key], key));
          }
          if (!scores.empty()) return scores;
        }
    return std::nullopt;
  }

  // The ranks by annotators, a strength, a label or a list of pairwise preferences.
  std::optional<Values> verdict(const Numbered& numbered) {
    if (const json* pairs = find("preference"); pairs && pairs->is_array())
      return ranks_of_pairs(*pairs, numbered.keys.size());
    if (numbered.keys.size() != 2) return std::nullopt;
    if (const json* labels = find("labels"); labels && numbered.keys[0] == "human_ref_A") {
      require(*labels == 0 || *labels == 1, place_, ": labels is ", json_in_short(*labels),
              "; wanted 1 where A is better, or 0");
      return ranks_if(*labels == 1 ? 0 : 1);
    }
    for (const char* key : kStrengths)
      if (const json* strength = find(key)) {
        const double s = number_in(*strength, key);
        return ranks_if(s == 0 ? 2 : s < 0 ? 0 : 1);
      }
    for (const char* key : kLabels)
      if (const json* label = find(key)) {
        const size_t better = labelled(*label, key, numbered);
        if (better == 2 && label->is_number())
          remarks_.notes.push_back(fmt::format("{} {} read as a tie", key, json_in_short(*label)));
        return ranks_if(better);
      }
    return votes(numbered);
  }

  // Of two answers: 0 and 1 say which is better; 2 that neither is.
  static Values ranks_if(size_t better) {
    return better == 0 ? Values{1, 2} : better == 1 ? Values{2, 1} : Values{1, 1};
  }

  // A label says the better answer's suffix, alone or behind another word ("model_a"), or "tie";
  // of answers 1 and 2 also 0, for a tie.
  size_t labelled(const json& label, const std::string& key, const Numbered& numbered) const {
    std::string text;
    if (label.is_string()) text = ascii_lower(label.get_ref<const std::string&>());
    if (label.is_number() && label.get<double>() == std::floor(label.get<double>()))
      text = fmt::format("{:.0f}", label.get<double>());
    if (text.starts_with("tie")) return 2;
    if (text == "0" && numbered.suffixes[0] == "1") return 2;
    for (size_t i = 0; i < 2; ++i) {
      const std::string suffix = ascii_lower(numbered.suffixes[i]);
      if (text == suffix || text == ascii_lower(numbered.keys[i]) || text.ends_with("_" + suffix))
        return i;
    }
    throw Error(fmt::format("{}: {} is {}; wanted {}, {} or tie{}", place_, key,
                            json_in_short(label), numbered.suffixes[0], numbered.suffixes[1],
                            numbered.suffixes[0] == "1" ? " (0)" : ""));
  }

  // PandaLM's annotators: what most say; a tie where no judgement has most votes.
  std::optional<Values> votes(const Numbered& numbered) {
    std::array<int, 3> counts{};
    for (int i = 1;; ++i) {
      const std::string key = fmt::format("annotator{}", i);
      const json* vote = find(key);
      if (!vote) break;
      ++counts[labelled(*vote, key, numbered)];
    }
    const auto most = std::ranges::max_element(counts);
    if (*most == 0) return std::nullopt;
    const bool alone = std::ranges::count(counts, *most) == 1;
    return ranks_if(alone ? static_cast<size_t>(most - counts.begin()) : 2);
  }

  // One judgement a pair, in the order 1-2, 1-3, …, 2-3, …: 1 for the first, 2 for the second, 0
  // for a tie. They must come from one order of the answers.
  Values ranks_of_pairs(const json& pairs, size_t n) const {
    require(pairs.size() == n * (n - 1) / 2, place_, ": preference has ", pairs.size(),
            " judgements of ", n, " answers; wanted ", n * (n - 1) / 2, ", one a pair");
    Values wins(n, 0);
    const auto each = [&](const auto& visit) {
      size_t at = 0;
      for (size_t i = 0; i < n; ++i)
        for (size_t j = i + 1; j < n; ++j) visit(i, j, pairs[at++]);
    };
    each([&](size_t i, size_t j, const json& judged) {
      require(judged == 0 || judged == 1 || judged == 2, place_, ": preference of ", i + 1, " and ",
              j + 1, " is ", json_in_short(judged), "; wanted 1, 2 or 0 for a tie");
      if (judged != 0) wins[i] += judged == 1 ? 1 : -1, wins[j] += judged == 1 ? -1 : 1;
    });
    each([&](size_t i, size_t j, const json& judged) {
      const double said = judged == 0 ? 0 : judged == 1 ? 1 : -1;
      require(sign(wins[i] - wins[j]) == said, place_, ": preference of ", i + 1, " and ", j + 1,
              " is ", json_in_short(judged),
              ", which beside the others fits no order of the answers; wanted "
              "those of one order");
    });
    Values ranks(n, 1);
    for (size_t i = 0; i < n; ++i)
      ranks[i] += static_cast<double>(
          std::ranges::count_if(wins, [&](double other) { return other > wins[i]; }));
    return ranks;
  }

  // Nothing for a tie.
  std::optional<RankedAnswers> ranked(const Judged& judged) {
    check_prompt(judged.prompt);
    check_answers(judged.answers);
    RankedAnswers out = without_repeats(judged, goodness(judged));
    const bool tie = std::ranges::max(out.ranks) == 1;
    return tie ? std::nullopt : std::optional(std::move(out));
  }

  // A value for each answer, higher for a better one, of ranks or scores, which may not disagree.
  Values goodness(const Judged& judged) const {
    const size_t n = judged.answers.size();
    require(judged.ranks || judged.scores, place_, ": has ", n, " answers and nothing on which is ",
            "better (its keys: ", keys(), "); wanted ranks, scores or a label");
    const auto check_size = [&](const std::optional<Values>& values, const char* what) {
      require(!values || values->size() == n, place_, ": has ", n, " answers and a list of ",
              values ? values->size() : 0, " ", what, "; wanted one for each");
    };
    check_size(judged.ranks, "ranks");
    check_size(judged.scores, "scores");
    if (!judged.ranks) return *judged.scores;
    Values better;
    for (const double rank : *judged.ranks) better.push_back(-rank);
    for (size_t i = 0; i < n && judged.scores; ++i)
      for (size_t j = 0; j < i; ++j) {
        const double by_scores = sign((*judged.scores)[i] - (*judged.scores)[j]);
        require(by_scores * (better[i] - better[j]) >= 0, place_, ": answers ", j + 1, " and ",
                i + 1, " are ranked ", (*judged.ranks)[j], " and ", (*judged.ranks)[i],
                ", and their scores are ", (*judged.scores)[j], " and ", (*judged.scores)[i],
                "; wanted ranks and scores that agree");
      }
    return better;
  }

  // The answers with ranks 1, 2, …; each text once. Two equal answers are a tie whatever is said
  // of them; among more, equal ones have one rank.
  RankedAnswers without_repeats(const Judged& judged, const Values& better) {
    const std::vector<std::string>& all = judged.answers;
    RankedAnswers out{judged.prompt, {}, {}, place_, hash_of(judged.prompt)};
    Values kept;
    for (size_t i = 0; i < all.size(); ++i) {
      size_t first = 0;
      while (trimmed(all[first]) != trimmed(all[i])) ++first;
      require(first == i || better[first] == better[i] || all.size() == 2, place_, ": answers ",
              first + 1, " and ", i + 1, " are the same text with two ranks; wanted one");
      if (first < i && all.size() > 2) remarks_.notes.emplace_back("answers that stand twice");
      if (first < i) continue;
      out.answers.push_back(all[i]);
      kept.push_back(better[i]);
    }
    Values steps = kept;
    std::ranges::sort(steps, std::greater<>());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    for (const double value : kept)
      out.ranks.push_back(static_cast<int>(std::ranges::find(steps, value) - steps.begin()) + 1);
    return out;
  }

  static uint64_t hash_of(const Turns& turns) {
    Digest digest;
    for (const Turn& t : turns) digest.field(enum_name(t.role)).field(t.text);
    return std::stoull(digest.hex().substr(0, 16), nullptr, 16);
  }

  static Turns all_turns(const Judged& judged) {
    Turns turns = judged.prompt;
    for (const std::string& answer : judged.answers) turns.push_back({Role::assistant, answer});
    return turns;
  }
};

}  // namespace

PreferenceContent read_preference(const json& record, const std::string& place) {
  return PreferenceReader(record, place).read();
}

}  // namespace lineage
