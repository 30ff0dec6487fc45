#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/documents/document_index.h"
#include "lineage/run/chat_columns.h"
#include "lineage/run/chat_examples.h"
#include "lineage/run/chat_line.h"
#include "lineage/run/chat_session.h"
#include "lineage/run/models.h"
#include "lineage/run/suites.h"
#include "lineage/text/unknown_words.h"

namespace lineage::cli {
namespace {

struct ChatOptions {
  std::string model, system;
  Colour colour = Colour::automatic;
  std::vector<std::string> nodes;
  Sampling sampling;
  bool tools = false;
  std::string documents;
  int threads = 0;
};

constexpr Range kTemperatures = between(0, 100);

void note(const std::string& text) { fmt::print(stderr, "note: {}\n", text); }

std::string counted(int64_t n, const std::string& what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::unique_ptr<const DocumentIndex> open_documents(const std::string& folder) {
  if (folder.empty()) return nullptr;
  std::vector<std::string> left_out;
  auto documents = std::make_unique<const DocumentIndex>(folder, &left_out);
  for (const std::string& text : left_out) note(text);
  note(fmt::format("{} lines of {} files in {}", documents->lines(), documents->files(), folder));
  return documents;
}

std::vector<ChatSession::Node> load_nodes(const ChatOptions& o) {
  std::vector<ChatSession::Node> nodes;
  const auto add = [&](const std::string& folder, std::string name) {
    Model model = load_prompted_model(folder);
    if (const auto unknown = check_can_chat(model, folder)) note(*unknown);
    if (name.empty()) name = model.manifest.node.empty() ? folder : model.manifest.node;
    nodes.push_back({std::move(name), std::move(model)});
  };
  if (o.nodes.empty()) add(o.model, "");
  const std::vector<FoundModel> models =
      o.nodes.empty() ? std::vector<FoundModel>{} : models_called(o.nodes, o.model);
  for (size_t i = 0; i < models.size(); ++i) add(models[i].folder.string(), o.nodes[i]);
  return nodes;
}

// A conversation: on a terminal with prompts, examples and marked words, elsewhere the answers
// alone. All but these is written on standard error.
class Conversation {
 public:
  explicit Conversation(const ChatOptions& o)
      : documents_(open_documents(o.documents)),
        session_(load_nodes(o), o.sampling, {.run_calls = o.tools, .documents = documents_.get()}),
        terminal_(::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)),
        colour_(coloured(o.colour, terminal_)),
        left_out_(session_.size()) {
    if (o.system.empty()) return;
    note_unknown_words(o.system);
    session_.set_system(o.system);
  }

  void run() {
    if (terminal_) {
      catch_stop_of_answer();
      introduce();
    }
    for (bool first = true;; first = false) {
      if (terminal_) forget_interrupt(), print(emphasised("> "));
      std::optional<std::string> line = read_line();
      if (!line) break;
      if (first) line->erase(0, byte_order_mark(*line));
      if (line->ends_with('\r')) line->pop_back();  // of a file from Windows
      if (line->find_first_not_of(" \t") == line->npos) continue;
      try {
        if (!take(read_chat_line(*line))) return;
      } catch (const Error& e) {  // also a UsageError, which is of a command line elsewhere
        if (!terminal_) throw Error(e.what(), e.hint());
        print_error(e.what(), e.hint(), colour_);
      }
    }
    if (terminal_) print("\n");  // behind the ^D or ^C
  }

 private:
  static void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  std::string styled(const char* code, std::string_view text) const {
    return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  std::string emphasised(std::string_view text) const { return styled("1", text); }

  void introduce() const {
    for (size_t i = 0; i < session_.size(); ++i) {
      const Model& m = session_.model(i);
      print(fmt::format("{}: {} parameters, a context of {} tokens, tuned {}\n",
                        emphasised(session_.name(i)), parameter_count(m.config), m.config.context,
                        m.manifest.chats ? "on conversations" : "elsewhere"));
    }
    print_examples();
    if (tuned_on_single_turns(session_.model(0).manifest))
      print("Its demonstrations have one turn each: a new question is best asked after /clear.\n");
    print("/help lists the commands");
    if (session_.sampling().temperature > 0)
      print("; /temperature 0 gives the likeliest answer each time");
    print(".\n\n");
  }

  void print_examples() const {
    const Model& m = session_.model(0);
    if (m.manifest.world.empty() || !of_micro_world(*m.tokenizer)) return;
    const World world(read_config<WorldConfig>(ConfigNode::parse(m.manifest.world, "its world")));
    print(fmt::format("{} {}.\nFor example:\n", session_.size() > 1 ? "Each" : "It",
                      kAboutMicroWorld));
    for (const ChatExample& e : chat_examples(world)) {
      for (const std::string& turn : e.turns) print(fmt::format("  {}\n", emphasised(turn)));
      print(fmt::format("      {}; a right answer: {}\n", e.about, e.answer));
    }
  }

  // False at the end of the conversation.
  bool take(const ChatLine& line) {
    switch (line.verb) {
      case ChatVerb::say:
        note_unknown_words(line.text);
        show([&](const auto& on_text) { return session_.ask(line.text, on_text); });
        break;
      case ChatVerb::retry:
        show([&](const auto& on_text) { return session_.retry(on_text); });
        note(fmt::format("seed {}", session_.seed_used()));
        break;
      case ChatVerb::system:
        note_unknown_words(line.text);
        session_.set_system(line.text);
        note(line.text.empty() ? "no turn of the system" : "the system's turn is set");
        break;
      case ChatVerb::undo:
        session_.undo();
        note("your last turn and its answer are taken back");
        break;
      case ChatVerb::clear:
        session_.clear();
        note("the conversation begins again");
        break;
      case ChatVerb::save:
        save(line.text);
        break;
      case ChatVerb::seed:
        if (!line.text.empty()) session_.set_seed(detail::seed_number(line.text, "/seed"));
        note(fmt::format("seed {}", session_.sampling().seed));
        break;
      case ChatVerb::temperature:
        if (!line.text.empty())
          session_.set_temperature(detail::real_number(line.text, "/temperature", kTemperatures));
        note(fmt::format("temperature {}", session_.sampling().temperature));
        break;
      case ChatVerb::help:
        fmt::print(stderr, "{}", chat_commands());
        if (terminal_) print_examples();
        break;
      case ChatVerb::quit:
        return false;
    }
    return true;
  }

  void note_unknown_words(const std::string& text) const {
    const Tokenizer& tokenizer = *session_.model(0).tokenizer;
    const UnknownWords unknown = unknown_words(tokenizer, text);
    if (unknown.words.empty()) return;
    if (terminal_)
      fmt::print(stderr, "  {}\n",
                 colour_ ? mark_unknown_words(tokenizer, text, "\x1b[4m", "\x1b[0m")
                         : mark_unknown_words(tokenizer, text, "[", "]"));
    note(fmt::format("words that this model does not know: {}",
                     listed_unknown_words(tokenizer, unknown)));
  }

  // Prints the answers that `draw` makes: one as it is written; several in columns when all are
  // there, or, where there is no room for columns, one after the other under their names.
  template <class Draw>
  void show(const Draw& draw) {
    const size_t width =
        terminal_ && session_.size() > 1 ? column_width(session_.size(), terminal_columns()) : 0;
    size_t begun = 0;  // answers
    const auto begin = [&](size_t node) {
      for (; begun <= node; ++begun)
        if (session_.size() > 1 && width == 0)
          print(fmt::format("{}{}:{}", begun ? "\n" : "", emphasised(session_.name(begun)),
                            terminal_ ? "\n" : " "));
    };
    const std::vector<ChatAnswer> answers = draw([&](size_t node, std::string_view text) {
      if (width == 0) begin(node), print(text);
      return !interrupted();
    });
    if (width > 0)
      print_columns(answers, width);
    else
      begin(session_.size() - 1), print("\n");
    note_ends(answers);
  }

  void print_columns(const std::vector<ChatAnswer>& answers, size_t width) const {
    std::vector<std::string> names, texts;
    for (size_t i = 0; i < answers.size(); ++i)
      names.push_back(session_.name(i)), texts.push_back(answers[i].text);
    const auto print_rows = [&](const std::vector<std::string>& cells, bool bold) {
      for (const auto& row : column_rows(cells, width)) {
        std::string line = fmt::format("{}", fmt::join(row, "  "));
        line.resize(line.find_last_not_of(' ') + 1);
        print((bold ? emphasised(line) : line) + "\n");
      }
    };
    print_rows(names, true);
    print_rows(texts, false);
  }

  void note_ends(const std::vector<ChatAnswer>& answers) {
    const auto of = [&](size_t i) {
      return answers.size() > 1 ? session_.name(i) + ": " : std::string();
    };
    for (size_t i = 0; i < answers.size(); ++i) {
      note_aids(answers[i], of(i));
      if (answers[i].left_out > left_out_[i])
        note(fmt::format("{}the context has no room for the oldest {}", of(i),
                         counted(answers[i].left_out, "turn")));
      left_out_[i] = answers[i].left_out;
      if (answers[i].end == Completion::End::length)
        note(fmt::format(
            "{}the answer is cut after {}: {}", of(i), counted(answers[i].tokens, "token"),
            answers[i].tokens >= session_.sampling().max_tokens ? "--max-tokens allows no more"
                                                                : "the context is full"));
      if (answers[i].text.empty() && answers[i].end == Completion::End::stop &&
          answers[i].runs.empty())
        note(fmt::format("{}the answer is blank", of(i)));
      if (answers[i].end == Completion::End::cancelled)
        note(fmt::format("{}the answer is stopped after {}", of(i),
                         counted(answers[i].tokens, "token")));
    }
  }

  void save(const std::string& file) const {
    const int64_t blank = session_.save(file);
    note(fmt::format(
        "{} is written{}", file,
        blank == 0 ? "" : fmt::format("; left out: {}", counted(blank, "blank answer"))));
  }

  // What ran, and what was read, for an answer.
  void note_aids(const ChatAnswer& answer, const std::string& of) const {
    for (const ToolRun& run : answer.runs)
      note(fmt::format("{}{} gave {}", of, run.code,
                       run.error.empty() ? run.result : "an error: " + run.error));
    for (const FoundLine& l : answer.sources)
      note(fmt::format("{}read {}:{} (score {:.2f}): {}", of, l.file, l.line, l.score, l.text));
    if (documents_ && answer.sources.empty())
      note(of + "no line of the documents has the question's words, and room in the context");
  }

  std::unique_ptr<const DocumentIndex> documents_;
  ChatSession session_;
  bool terminal_, colour_;
  std::vector<int64_t> left_out_;  // turns, as the last note said
};

}  // namespace

void add_chat(CLI::App& app) {
  auto o = std::make_shared<ChatOptions>();
  CLI::App* c = app.add_subcommand("chat", "Talk with a tuned model, or with several at once");
  c->group("Use a model");
  add_path(c, "MODEL", o->model, "a checkpoint's folder; with --nodes a run's")->required();
  const std::string text = "Conversation", draws = "Sampling", output = "Run";
  add_names(c, "--nodes", o->nodes, "NAMES",
            "models of the run, separated by commas; each answers every turn", ',')
      ->group(text);
  add_text(c, "--system", o->system, "the system's turn, before all others")->group(text);
  c->add_flag("--tools", o->tools, "run the models' calls of Python")->group(text);
  add_path(c, "--documents", o->documents,
           "a folder of text files; lines that fit a turn are put behind it")
      ->group(text);
  add_number(c, "-n,--max-tokens", o->sampling.max_tokens, between(1, kManyTokens),
             "tokens of an answer at most")
      ->group(draws);
  add_number(c, "-t,--temperature", o->sampling.temperature, kTemperatures,
             "0 (the most likely token each time) to 100")
      ->group(draws);
  add_seed(c, "--seed", o->sampling.seed, "of the draws")->group(draws);
  add_choice(c, "--color", o->colour, "auto, always or never")->group(output);
  add_threads(c, o->threads)->group(output);
  c->footer(
      "Each line is a turn. Without a terminal only the answers are printed, one to each line of "
      "standard\ninput. /help lists the commands of a conversation:\n" +
      chat_commands() +
      "\nExamples:\n"
      "  lineage chat runs/trees/gpt35-nano/text-davinci-002\n"
      "  lineage chat runs/trees/gpt35-nano/text-davinci-002 --tools\n"
      "  lineage chat runs --nodes text-davinci-001,text-davinci-002 -t 0");
  c->callback([o] {
    set_threads(o->threads);
    Conversation(*o).run();
  });
}

}  // namespace lineage::cli
