#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_kind.h"
#include "lineage/checkpoint/model.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/infer/engine.h"
#include "lineage/run/models.h"
#include "lineage/run/reward_score.h"
#include "lineage/run/text_score.h"
#include "lineage/text/unknown_words.h"

namespace lineage::cli {
namespace {

struct ScoreOptions {
  std::string model;
  std::vector<std::string> files;
  int64_t overlap = -1;
  int threads = 0;
  bool json = false;
  bool reward = false;
  TooLong too_long = TooLong::cut_front;
};

// A closed vocabulary spells unknown words byte by byte, which no model has learned.
void note_unknown(const Tokenizer& tokenizer, const std::string& text, const std::string& file) {
  constexpr double kMostly = 0.5;
  const double share = unknown_words(tokenizer, text).share;
  if (share > kMostly)
    fmt::print(stderr,
               "note: {}: {:.0f} % of its words are not in this model's closed vocabulary; the "
               "score says little\n",
               file, 100 * share);
}

// A file's text without a byte-order mark, as in sources. Bytes of another format would have a
// score, too, but a meaningless one.
std::string read_text(const std::string& file) {
  std::string text = read_file(file);
  const FileKind kind = file_kind(text);
  if (!is_text(kind))
    throw Error(fmt::format("{}: is {}; wanted UTF-8 text", file, file_kind_name(kind)),
                file_kind_help(kind, file));
  text.erase(0, byte_order_mark(text));
  require(!text.empty(), file, ": is empty; wanted a text");
  return text;
}

void print_score(const ScoreOptions& o, const TextScore& s) {
  if (o.json)
    fmt::print("{}\n", nlohmann::json{{"model", o.model},
                                      {"tokens", s.tokens},
                                      {"bytes", s.bytes},
                                      {"nats_per_token", s.nats_per_token()},
                                      {"bits_per_byte", s.bits_per_byte()}}
                           .dump());
  else
    fmt::print(
        "{} tokens, {} bytes: {:.4f} nats a token, perplexity {:.3f}, {:.4f} bits per byte\n",
        s.tokens, s.bytes, s.nats_per_token(), std::exp(s.nats_per_token()), s.bits_per_byte());
}

void score_rewards(const ScoreOptions& o) {
  open_checkpoint(o.model);  // for its Errors about other folders
  const Model model = load_model(o.model);
  const AnswerRewards scores = score_answers(model, o.model, o.files, o.too_long);
  if (const std::string said = describe_dropped(scores.record); !said.empty())
    fmt::print(stderr, "note: {}\n", said);
  if (scores.record.truncated > 0 || !scores.record.dropped.empty())
    fmt::print(stderr, "note: --too-long is {}, of {} tokens\n", enum_name(o.too_long),
               model.config.context);
  for (const auto& [place, reward] : scores.all)
    if (o.json)
      fmt::print("{}\n", nlohmann::json{{"place", place}, {"reward", reward}}.dump());
    else
      fmt::print("{:9.4f}  {}\n", reward, place);
  if (o.json)
    fmt::print(
        "{}\n",
        nlohmann::json{{"model", o.model}, {"mean", scores.mean()}, {"answers", scores.all.size()}}
            .dump());
  else
    fmt::print("{:9.4f}  mean of {} answers\n", scores.mean(), scores.all.size());
}

void score(const ScoreOptions& o) {
  set_threads(o.threads);
  if (o.reward) return score_rewards(o);
  open_checkpoint(o.model);  // for its Errors about other folders
  Model model = load_model(o.model);
  if (model.config.scalar_head)
    throw Error(fmt::format("{}: is {}; wanted a language model to predict texts", o.model,
                            scalar_model_name(model)),
                is_content_filter(model) ? "its parent in the tree is one"
                                         : "--reward has it judge answers");
  if (!model.tokenizer)
    throw Error(o.model + ": has no tokenizer; wanted one to read the text with",
                "import the model again from a folder that holds its tokenizer's files");
  const int64_t T = model.config.context, overlap = o.overlap < 0 ? T / 2 : o.overlap;
  if (overlap >= T)
    throw UsageError(fmt::format("--overlap is {}; wanted a whole number from 0 to {}, the context",
                                 overlap, T - 1));
  const auto lm = language_model(*model.gpt, *model.tokenizer);
  if (model.tokenizer->before_text().empty())
    fmt::print(stderr,
               "the tokenizer has no token that begins or ends a text: the first token of each "
               "file is not scored\n");
  TextScore all;
  for (const std::string& file : o.files) {
    const std::string text = read_text(file);
    note_unknown(*model.tokenizer, text, file);
    all += score_text(*lm, text, overlap, file);
  }
  print_score(o, all);
}

}  // namespace

void add_score(CLI::App& app) {
  auto o = std::make_shared<ScoreOptions>();
  CLI::App* c = app.add_subcommand(
      "score", "Measure how well a model predicts texts, or how a reward model judges answers");
  c->group("Use a model");
  add_path(c, "MODEL", o->model, "a checkpoint's folder")->required();
  add_paths(c, "FILE", o->files, "texts, each a document; with --reward, records of conversations")
      ->required();
  CLI::Option* overlap =
      add_number(c, "--overlap", o->overlap, between(0, kManyTokens),
                 "tokens that a window shares with the one before; default: half the context")
          ->default_str("");
  add_threads(c, o->threads);
  c->add_flag("--reward", o->reward, "MODEL is a reward model: judge each record's last answer");
  CLI::Option* too_long =
      add_choice(c, "--too-long", o->too_long,
                 "with --reward, of a conversation longer than the context: cut_front (of the "
                 "prompt), cut_end, or drop");
  c->add_flag("--json", o->json,
              "one JSON object; with --reward one a line, the last with the mean");
  c->footer(
      "Examples:\n"
      "  lineage score runs/trees/stdlib/coder some.py other.py\n"
      "  lineage score runs/trees/assistant/judge answers.jsonl --reward");
  c->callback([o, overlap, too_long] {
    if (o->reward && overlap->count() > 0)
      throw UsageError("score: --overlap with --reward; wanted one of them");
    if (!o->reward && too_long->count() > 0)
      throw UsageError("score: --too-long without --reward; wanted both");
    score(*o);
  });
}

}  // namespace lineage::cli
