#include "lineage/run/chat_session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/documents/told_lines.h"
#include "lineage/run/models.h"

namespace lineage {
namespace {

// Lists the models of the same run that were tuned on a chat template.
std::string tuned_beside(const std::string& model) {
  std::vector<std::string> names;
  if (const auto run = run_of(model))
    for (const FoundModel& m : find_models(*run))
      if (Checkpoint::open(m.folder).manifest().chats) names.push_back(m.folder.string());
  return names.empty() ? "" : fmt::format("tuned models beside it: {}", fmt::join(names, ", "));
}

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

}  // namespace

std::optional<std::string> check_can_chat(const Model& model, const std::string& folder) {
  if (model.manifest.chats) return {};
  const bool imported = model.manifest.stage == "import";
  if (imported && model.tokenizer->find_special(Special::end_of_turn))
    return folder + " is imported; whether it was tuned on this template is unknown";
  std::string help = tuned_beside(folder);
  if (help.empty())
    help = imported
               ? "its tokenizer has none of the tokens of a template: <|user|>, <|assistant|>, "
                 "<|endofturn|>; tune it with a node of stage sft, or complete without --chat"
               : "add a node of stage sft to the recipe, or complete without --chat";
  throw Error(fmt::format("{}: stage {} tunes on no conversations, so it has no template; wanted a "
                          "model of stage sft or feedme",
                          folder, model.manifest.stage),
              help);
}

std::vector<Token> stop_tokens(const Tokenizer& tokenizer, bool turns) {
  std::vector<Token> stops;
  if (const auto end = tokenizer.find_special(Special::end_of_text)) stops.push_back(*end);
  if (turns) stops.push_back(ChatTemplate(tokenizer).stop());
  return stops;
}

std::string_view LeadingBlanks::cut(std::string_view piece) {
  if (!begun_) piece.remove_prefix(std::min(piece.find_first_not_of(' '), piece.size()));
  begun_ = begun_ || !piece.empty();
  return piece;
}

void ChatHistory::say(Role role, const std::string& text) {
  turns_.push_back({role, text, tokenizer_->encode(text)});
}

void ChatHistory::answer(std::vector<Token> tokens, std::string text) {
  turns_.push_back({Role::assistant, std::move(text), std::move(tokens)});
}

size_t ChatHistory::first_after_system() const {
  const auto other = [](const ChatTurn& t) { return t.role != Role::system; };
  return static_cast<size_t>(std::ranges::find_if(turns_, other) - turns_.begin());
}

void ChatHistory::set_system(const std::string& text) {
  std::vector<Token> tokens = tokenizer_->encode(text);
  turns_.erase(turns_.begin(), turns_.begin() + static_cast<ptrdiff_t>(first_after_system()));
  if (!text.empty()) turns_.insert(turns_.begin(), {Role::system, text, std::move(tokens)});
}

bool ChatHistory::undo() {
  const auto last = std::find_if(turns_.rbegin(), turns_.rend(),
                                 [](const ChatTurn& t) { return t.role == Role::user; });
  if (last == turns_.rend()) return false;
  turns_.erase(last.base() - 1, turns_.end());
  return true;
}

void ChatHistory::undo_answer() {
  if (!turns_.empty() && turns_.back().role == Role::assistant) turns_.pop_back();
}

void ChatHistory::clear() { turns_.resize(first_after_system()); }

ChatHistory::Prompt ChatHistory::prompt(int64_t most, std::span<const Token> behind_user) const {
  std::vector<std::vector<Token>> rendered;
  const auto last_user = std::find_if(turns_.rbegin(), turns_.rend(),
                                      [](const ChatTurn& t) { return t.role == Role::user; });
  const std::vector<Token>& next = form_.opening(Role::assistant);
  auto size = std::ssize(next);
  for (const ChatTurn& t : turns_) {
    ChatTemplate::Rendered r;
    std::vector<Token> tokens = t.tokens;
    if (last_user != turns_.rend() && &t == &*last_user)
      tokens.insert(tokens.end(), behind_user.begin(), behind_user.end());
    form_.append(t.role, tokens, r);
    size += std::ssize(r.tokens);
    rendered.push_back(std::move(r.tokens));
  }
  const size_t system = first_after_system();
  size_t first = system;
  while (size > most) {
    const auto later =
        std::find_if(turns_.begin() + static_cast<ptrdiff_t>(std::min(first + 1, turns_.size())),
                     turns_.end(), [](const ChatTurn& t) { return t.role == Role::user; });
    if (later == turns_.end()) break;
    for (const auto to = static_cast<size_t>(later - turns_.begin()); first < to; ++first)
      size -= std::ssize(rendered[first]);
  }
  Prompt prompt;
  prompt.left_out = static_cast<int64_t>(first - system);
  for (size_t i = 0; i < rendered.size(); ++i)
    if (i < system || i >= first)
      prompt.tokens.insert(prompt.tokens.end(), rendered[i].begin(), rendered[i].end());
  prompt.tokens.insert(prompt.tokens.end(), next.begin(), next.end());
  return prompt;
}

ChatSession::ChatSession(std::vector<Node> nodes, Sampling sampling, ChatAids aids)
    : sampling_(std::move(sampling)), aids_(aids) {
  sampling_.validate();
  if (aids_.run_calls && std::ranges::none_of(nodes, [](const Node& n) {
        return call_marks(n.model.manifest, *n.model.tokenizer).has_value();
      }))
    throw Error(fmt::format("--tools: {} was trained on no calls; wanted a tuned model of the "
                            "micro-world",
                            nodes.empty() ? std::string("no model") : nodes[0].name),
                "leave --tools out");
  Engine::Limits limits;
  limits.slots = 1;
  for (Node& n : nodes) {
    const Tokenizer& tokenizer = *n.model.tokenizer;
    auto lm = language_model(*n.model.gpt, tokenizer, limits);
    nodes_.push_back(
        {std::move(n.name), std::move(n.model), std::move(lm), ChatHistory(tokenizer)});
  }
}

void ChatSession::set_temperature(double temperature) {
  Sampling changed = sampling_;
  changed.temperature = temperature;
  changed.validate();
  sampling_ = changed;
}

void ChatSession::set_system(const std::string& text) {
  for (const Talk& n : nodes_)
    if (!text.empty() && !n.model.tokenizer->find_special(Special::system))
      throw Error(fmt::format("{}: its tokenizer has no token of the system's turn; wanted one of "
                              "{}",
                              n.name, fmt::join(special_texts(Special::system), ", ")),
                  "say it in a turn of your own");
  for (Talk& n : nodes_) n.history.set_system(text);
}

// A quarter of the context, or what an answer may have if that is less, is kept for the answer.
ChatSession::TalkPrompt ChatSession::prompt_of(const Talk& n) const {
  constexpr int64_t kShare = 4;
  const int64_t context = n.lm->context();
  const int64_t most =
      context - std::min(sampling_.max_tokens, std::max<int64_t>(1, context / kShare));
  TalkPrompt prompt{n.history.prompt(most), {}};
  const auto& turns = n.history.turns();
  const auto user = std::find_if(turns.rbegin(), turns.rend(),
                                 [](const ChatTurn& t) { return t.role == Role::user; });
  if (aids_.documents && user != turns.rend()) {
    ToldLines told = tell_lines(*n.model.tokenizer,
                                aids_.documents->find(user->text, lines_to_find(aids_.lines)),
                                aids_.lines, most - std::ssize(prompt.tokens));
    prompt = {n.history.prompt(most, told.tokens), std::move(told.lines)};
  }
  if (std::ssize(prompt.tokens) >= context)
    throw Error(fmt::format("message: has {} tokens with its template; the context of {} is {} for "
                            "it and the answer together",
                            prompt.tokens.size(), n.name, context),
                "shorten it, or the system's turn");
  return prompt;
}

Completion ChatSession::generate(Talk& n, const std::vector<Token>& prompt, ChatAnswer& answer,
                                 const LanguageModel::OnText& on_text) {
  const Tokenizer& tokenizer = *n.model.tokenizer;
  Sampling sampling = sampling_;
  sampling.seed = seed_used();
  sampling.stop_tokens = stop_tokens(tokenizer, true);
  const auto part = [&](const std::vector<Token>& from, const Sampling& by,
                        const LanguageModel::OnText& pass_on) {
    return n.lm->generate(std::span(&from, 1), std::span(&by, 1), pass_on)[0];
  };
  const auto marks = call_marks(n.model.manifest, tokenizer);
  if (!aids_.run_calls || !marks) return part(prompt, sampling, on_text);
  ToolCalls calls(tokenizer, *marks, prompt, sampling, n.lm->context());
  for (;;) {
    std::string begun;  // a call is no text of the answer
    Completion done = part(calls.prompt(), calls.sampling(), [&](size_t i, std::string_view text) {
      begun += text;
      if (LeadingBlanks().cut(begun).starts_with("<call>")) return on_text(i, "");
      return on_text(i, text);
    });
    answer.tokens += std::ssize(done.tokens);
    const bool goes_on =
        calls.is_call(done.tokens) && calls.goes_on(done.tokens, std::ssize(done.tokens) + 1,
                                                    done.end, done.end == Completion::End::stop);
    if (goes_on) continue;
    if (calls.is_call(done.tokens)) done.text.clear();
    if (calls.out_of_room()) done.end = Completion::End::length, done.tokens.clear();
    answer.runs = calls.runs();
    const auto behind_prompt = calls.prompt().begin() + std::ssize(prompt);
    done.tokens.insert(done.tokens.begin(), behind_prompt, calls.prompt().end());
    return done;
  }
}

std::vector<ChatAnswer> ChatSession::answer(const OnText& on_text) {
  std::vector<TalkPrompt> prompts;
  for (const Talk& n : nodes_) prompts.push_back(prompt_of(n));
  std::vector<ChatAnswer> answers;
  std::vector<Completion> completions;
  bool stopped = false;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Talk& n = nodes_[i];
    ChatAnswer answer;
    answer.left_out = prompts[i].left_out;
    answer.sources = std::move(prompts[i].sources);
    Completion done;
    done.end = Completion::End::cancelled;
    if (!stopped) {
      LeadingBlanks blanks;
      const auto pass_on = [&](size_t, std::string_view text) {
        return !on_text || on_text(i, blanks.cut(text));
      };
      done = generate(n, prompts[i].tokens, answer, pass_on);
      stopped = done.end == Completion::End::cancelled;
    }
    answer.text = LeadingBlanks().cut(done.text);
    answer.tokens = std::max(answer.tokens, answer.runs.empty() ? std::ssize(done.tokens) : 0);
    answer.end = done.end;
    answers.push_back(std::move(answer));
    completions.push_back(std::move(done));
  }
  for (size_t i = 0; i < nodes_.size(); ++i)
    nodes_[i].history.answer(std::move(completions[i].tokens), answers[i].text);
  return answers;
}

std::vector<ChatAnswer> ChatSession::ask(const std::string& text, const OnText& on_text) {
  std::vector<ChatHistory> before;
  for (const Talk& n : nodes_) before.push_back(n.history);
  const uint64_t retries = std::exchange(retries_, 0);
  try {
    for (Talk& n : nodes_) n.history.say(Role::user, text);
    return answer(on_text);
  } catch (...) {
    for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i].history = std::move(before[i]);
    retries_ = retries;
    throw;
  }
}

std::vector<ChatAnswer> ChatSession::retry(const OnText& on_text) {
  const auto& turns = nodes_.at(0).history.turns();
  if (turns.empty() || turns.back().role != Role::assistant)
    throw Error("/retry: there is no answer yet; wanted one to draw again", "say something first");
  if (sampling_.temperature == 0)
    throw Error(
        "/retry: the temperature is 0, where every seed gives the same answer; wanted one "
        "above 0",
        "/temperature 0.7");
  std::vector<ChatHistory> before;
  for (const Talk& n : nodes_) before.push_back(n.history);
  try {
    for (Talk& n : nodes_) n.history.undo_answer();
    ++retries_;
    return answer(on_text);
  } catch (...) {
    for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i].history = std::move(before[i]);
    --retries_;
    throw;
  }
}

void ChatSession::undo() {
  bool any = false;
  for (Talk& n : nodes_) any |= n.history.undo();
  if (!any) throw Error("/undo: nothing has been said; wanted a turn to take back");
  retries_ = 0;
}

void ChatSession::clear() {
  for (Talk& n : nodes_) n.history.clear();
  retries_ = 0;
}

int64_t ChatSession::save(const fs::path& path) const {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error)))
    throw Error(path.string() + ": is there already; wanted the name of a new file",
                "choose another name");
  std::string lines;
  int64_t left_out = 0, saved = 0;
  for (const Talk& n : nodes_) {
    auto messages = nlohmann::json::array();
    int64_t answers = 0;
    const auto add = [&](const ChatTurn& t) {
      messages.push_back({{"role", enum_name(t.role)}, {"content", t.text}});
    };
    const auto& turns = n.history.turns();
    for (size_t i = 0; i < turns.size(); ++i) {
      const bool asked = turns[i].role == Role::user && i + 1 < turns.size() &&
                         turns[i + 1].role == Role::assistant;
      if (asked && blank(turns[i + 1].text)) {
        ++left_out, ++i;
        continue;
      }
      add(turns[i]);
      answers += turns[i].role == Role::assistant;
    }
    saved += answers;
    if (answers == 0) continue;
    constexpr int kOneLine = -1;
    // A person may type any bytes; JSON is UTF-8.
    lines += nlohmann::json({{"model", n.name}, {"messages", std::move(messages)}})
                 .dump(kOneLine, ' ', false, nlohmann::json::error_handler_t::replace) +
             "\n";
  }
  if (saved == 0)
    throw Error("/save: there is no answer to save; wanted one", "say something first");
  write_file_atomic(path, lines);
  return left_out;
}

}  // namespace lineage
