#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_kind.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/data/conversation_record.h"
#include "lineage/data/json_records.h"
#include "lineage/infer/engine.h"
#include "lineage/run/chat_session.h"
#include "lineage/run/models.h"
#include "lineage/text/unknown_words.h"

namespace lineage::cli {
namespace {

struct CompleteOptions {
  std::string model, system, messages;
  std::vector<std::string> prompts;
  Sampling sampling;
  int64_t count = 1;
  int threads = 0;
  bool chat = false, stats = false;
};

void check_usage(const CompleteOptions& o) {
  const auto wants_chat = [&](bool given, const char* option) {
    if (given && !o.chat)
      throw UsageError(fmt::format("complete: {} without --chat; wanted both", option),
                       "--chat puts what is said into the model's template");
  };
  wants_chat(!o.system.empty(), "--system");
  wants_chat(!o.messages.empty(), "--messages");
  wants_chat(o.prompts.size() > 1, "more than one --prompt");
  if (!o.chat) return;
  if (o.prompts.empty() && o.messages.empty())
    throw UsageError("complete: --chat without a turn; wanted --prompt or --messages",
                     "lineage complete MODEL --chat -p '…'");
  if (o.count > 1 && o.prompts.size() > 1)
    throw UsageError("complete: --count with several --prompt; wanted one of them",
                     "each further prompt follows one answer");
}

std::string text_of(const std::string& prompt) {
  if (prompt != "-") return prompt;
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  return text.erase(0, byte_order_mark(text));
}

// A JSON array of messages, or an object that holds one: {"messages": [...]}.
std::vector<Turn> read_messages(const std::string& file) {
  const std::string place = file == "-" ? "standard input" : file;
  nlohmann::json json = parse_json_record(file == "-" ? text_of(file) : read_file(file), place);
  if (json.is_array()) json = nlohmann::json::object({{"messages", json}});
  constexpr bool kWantsAnswer = false;
  RecordContent content = read_record(json, place, kWantsAnswer);
  if (!content.dropped.empty())
    throw Error(fmt::format("{}: has {}; wanted turns of system, user and assistant", place,
                            content.dropped),
                "leave them out: no model here was tuned on them");
  require(content.conversations.size() == 1, place, ": ", content.conversations.size(),
          " conversations; wanted one");
  std::vector<Turn> turns = std::move(content.conversations[0].turns);
  require(!turns.empty(), place, ": no message; wanted at least one");
  return turns;
}

void note_unknown_words(const Tokenizer& tokenizer, const std::string& text) {
  const UnknownWords unknown = unknown_words(tokenizer, text);
  if (unknown.words.empty()) return;
  fmt::print(stderr,
             "note: words that this model does not know: {}; it reads lower case with spaces "
             "around punctuation, and `lineage world show instruction` shows what it answers\n",
             listed_unknown_words(tokenizer, unknown));
}

std::vector<Token> plain_prompt(const std::string& text, const Tokenizer& tokenizer) {
  std::vector<Token> tokens = tokenizer.encode_from_beginning(text);
  return tokens.empty() ? context_of_beginning(tokenizer) : tokens;
}

// One model that answers prompts, and its output so far.
class Writer {
 public:
  Writer(const CompleteOptions& o, Model& model, bool turns)
      : o_(o),
        context_(model.config.context),
        lm_(language_model(*model.gpt, *model.tokenizer, limits_of(o))),
        samplings_(static_cast<size_t>(o.count), o.sampling) {
    for (size_t i = 0; i < samplings_.size(); ++i) {
      samplings_[i].seed += i;
      samplings_[i].stop_tokens = stop_tokens(*model.tokenizer, turns);
    }
  }

  // Prints `lead` and the completion, as it is written if there is one, otherwise all, numbered; an
  // answer (no lead) without the space between the prompt's last word and its first. Nothing is
  // printed before the prompt is known to fit. Returns the first completion.
  std::vector<Token> write(const std::vector<Token>& prompt, const std::string& lead) {
    if (static_cast<int64_t>(prompt.size()) >= context_)
      throw Error(fmt::format("prompt: has {} tokens; the model's context is {} for prompt and "
                              "completion together",
                              prompt.size(), context_),
                  "shorten the prompt");
    const bool stream = o_.count == 1;
    if (stream) fmt::print("{}", lead), std::fflush(stdout);
    LeadingBlanks blanks;
    const auto shown = [&](std::string_view text) { return o_.chat ? blanks.cut(text) : text; };
    const std::vector<std::vector<Token>> prompts(static_cast<size_t>(o_.count), prompt);
    const auto start = std::chrono::steady_clock::now();
    auto completions = lm_->generate(prompts, samplings_, [&](size_t, std::string_view text) {
      if (stream) fmt::print("{}", shown(text)), std::fflush(stdout);
      return !interrupted();
    });
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (size_t i = 0; i < completions.size(); ++i) {
      tokens_ += static_cast<int64_t>(completions[i].tokens.size());
      blanks = {};
      if (!stream) fmt::print("--- {}\n{}{}\n", i + 1, lead, shown(completions[i].text));
    }
    if (stream) fmt::print("\n");
    std::fflush(stdout);
    if (interrupted()) throw Error(fmt::format("complete: interrupted after {} tokens", tokens_));
    return std::move(completions[0].tokens);
  }

  void print_stats() const {
    fmt::print(stderr, "{} tokens in {:.2f} s: {:.0f} tokens/s\n", tokens_, seconds_,
               static_cast<double>(tokens_) / std::max(1e-9, seconds_));
  }

 private:
  static Engine::Limits limits_of(const CompleteOptions& o) {
    Engine::Limits limits;
    limits.slots = o.count;
    return limits;
  }

  const CompleteOptions& o_;
  int64_t context_;
  std::unique_ptr<LanguageModel> lm_;
  std::vector<Sampling> samplings_;
  int64_t tokens_ = 0;
  double seconds_ = 0;
};

void continue_text(const CompleteOptions& o, const Model& model, Writer& writer) {
  const std::string prompt = o.prompts.empty() ? "" : o.prompts[0], text = text_of(prompt);
  note_unknown_words(*model.tokenizer, text);
  if (model.manifest.chats)
    fmt::print(
        stderr,
        "note: {} was tuned on conversations in a template; --chat puts the prompt into it\n",
        o.model);
  writer.write(plain_prompt(text, *model.tokenizer), prompt == "-" ? "" : text);
}

// Each prompt is the user's next turn, after the messages of a file; the model answers each.
void converse(const CompleteOptions& o, const Model& model, Writer& writer) {
  ChatHistory history(*model.tokenizer);
  const auto say = [&](Role role, const std::string& text) {
    note_unknown_words(*model.tokenizer, text);
    history.say(role, text);
  };
  const auto answer = [&] {
    constexpr auto kAll = std::numeric_limits<int64_t>::max();
    history.answer(writer.write(history.prompt(kAll).tokens, ""), "");
  };
  if (!o.system.empty()) say(Role::system, o.system);
  if (!o.messages.empty()) {
    const std::vector<Turn> turns = read_messages(o.messages);
    for (const Turn& t : turns) say(t.role, t.text);
    if (turns.back().role == Role::user)
      answer();
    else
      require(!o.prompts.empty(), o.messages,
              ": the last message is not the user's; wanted one to answer, or --prompt");
  }
  for (const std::string& prompt : o.prompts) {
    say(Role::user, text_of(prompt));
    answer();
  }
}

void complete(const CompleteOptions& o) {
  check_usage(o);
  set_threads(o.threads);
  Model model = load_prompted_model(o.model);
  if (o.chat)
    if (const auto unknown = check_can_chat(model, o.model))
      fmt::print(stderr, "note: {}\n", *unknown);
  Writer writer(o, model, o.chat || model.manifest.chats);
  o.chat ? converse(o, model, writer) : continue_text(o, model, writer);
  if (o.stats) writer.print_stats();
}

}  // namespace

void add_complete(CLI::App& app) {
  auto o = std::make_shared<CompleteOptions>();
  CLI::App* c = app.add_subcommand("complete", "Continue a prompt, or answer it with --chat");
  c->group("Use a model");
  add_path(c, "MODEL", o->model, "a checkpoint's folder: runs/trees/RECIPE/NODE")->required();
  const std::string text = "Prompt", draws = "Sampling", output = "Run";
  add_texts(c, "-p,--prompt", o->prompts,
            "the text to continue, - for standard input; with --chat the user's turn, one answer "
            "to each")
      ->group(text);
  c->add_flag("--chat", o->chat,
              "put the prompt into the template that the model was tuned on, and print its answer")
      ->group(text);
  add_text(c, "--system", o->system, "with --chat: the system's turn, before all others")
      ->group(text);
  add_path(c, "--messages", o->messages,
           "with --chat: turns before the prompt, a JSON array of {\"role\", \"content\"}; - for "
           "standard input")
      ->group(text);
  add_names(c, "--stop", o->sampling.stop, "TEXT",
            "a text that ends the completion; may be repeated")
      ->group(text);
  add_number(c, "-n,--max-tokens", o->sampling.max_tokens, between(0, kManyTokens),
             "tokens to add at most")
      ->group(draws);
  add_number(c, "-t,--temperature", o->sampling.temperature, between(0, 100),
             "0 (the most likely token each time) to 100")
      ->group(draws);
  add_number(c, "--top-k", o->sampling.top_k, between(0, kManyTokens),
             "keep the k most likely tokens; 0: all")
      ->group(draws);
  add_number(c, "--top-p", o->sampling.top_p, from_above_to(0, 1),
             "keep the likeliest tokens of this probability, above 0, at most 1")
      ->group(draws);
  add_seed(c, "--seed", o->sampling.seed, "of the draws")->group(draws);
  add_number(c, "--count", o->count, between(1, 4096), "completions, with seeds from --seed on")
      ->group(draws);
  add_threads(c, o->threads)->group(output);
  c->add_flag("--stats", o->stats, "tell tokens and tokens/s on standard error")->group(output);
  c->footer(
      "Examples:\n"
      "  lineage complete runs/trees/gpt35-nano/davinci -p 'ann was born in' -n 20 -t 0\n"
      "  lineage complete runs/trees/gpt35-nano/text-davinci-002 --chat -t 0 \\\n"
      "      -p 'put in reverse order : 60 , 4 , 65'\n\n"
      "Models of the micro-world know 1,024 words: lower case, spaces around punctuation.\n"
      "`lineage info MODEL` shows some of what one of them can be asked, `lineage world show\n"
      "instruction` every kind. A template is described in docs/formats.md.");
  c->callback([o] { catch_interrupts(), complete(*o); });
}

}  // namespace lineage::cli
