#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_kind.h"
#include "lineage/checkpoint/model.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/infer/engine.h"
#include "lineage/run/models.h"
#include "lineage/text/unknown_words.h"

namespace lineage::cli {
namespace {

struct ScoreOptions {
  std::string model;
  std::vector<std::string> files;
  int64_t overlap = -1;
  int threads = 0;
  bool json = false;
};

// A closed vocabulary spells the words that it does not know byte by byte, which no model learned.
void note_unknown(const Tokenizer& tokenizer, const std::string& text, const std::string& file) {
  constexpr double kMostly = 0.5;
  const double share = unknown_words(tokenizer, text).share;
  if (share > kMostly)
    fmt::print(stderr,
               "note: {}: {:.0f} % of its words are not in this model's closed vocabulary; the "
               "score says little\n",
               file, 100 * share);
}

// A file's text; a byte-order mark is no text, as in sources. The bytes of another format have a
// number of bits too, but it says nothing of the model.
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

// A text as tokens. The first `context` of them are not scored: the tokens that all texts of this
// tokenizer begin with or, where there are none, the text's own first token.
struct ScoredText {
  std::vector<Token> tokens;
  int64_t context = 0;
  int64_t bytes = 0;  // of the text that the other tokens are
};

ScoredText read_scored(const std::string& file, const Tokenizer& tokenizer) {
  const std::string text = read_text(file);
  note_unknown(tokenizer, text, file);
  ScoredText d{tokenizer.before_text(), 0, static_cast<int64_t>(text.size())};
  d.context = static_cast<int64_t>(d.tokens.size());
  tokenizer.encode_append(text, d.tokens);
  if (d.context == 0 && !d.tokens.empty()) {
    d.context = 1;
    d.bytes -= static_cast<int64_t>(tokenizer.token_bytes(d.tokens[0]).size());
  }
  require(static_cast<int64_t>(d.tokens.size()) > d.context, file,
          ": has no token to score after the first; wanted more text");
  return d;
}

// Bits per byte of a text: windows of the model's context, each token predicted once, with at least
// `overlap` tokens before it where the text has them.
void score(const ScoreOptions& o) {
  set_threads(o.threads);
  open_checkpoint(o.model);  // for what it says of a folder that is none
  Model model = load_model(o.model);
  if (!model.tokenizer)
    throw Error(o.model + ": has no tokenizer; wanted one to read the text with",
                "import the model again from a folder that holds its tokenizer's files");
  const Tokenizer& tokenizer = *model.tokenizer;
  const int64_t T = model.config.context, overlap = o.overlap < 0 ? T / 2 : o.overlap;
  if (overlap >= T)
    throw UsageError(fmt::format("--overlap is {}; wanted a whole number from 0 to {}, the context",
                                 overlap, T - 1));
  const auto lm = language_model(*model.gpt, tokenizer);
  if (tokenizer.before_text().empty())
    fmt::print(stderr,
               "the tokenizer has no token that begins or ends a text: the first token of each "
               "file is not scored\n");
  double nats = 0;
  int64_t tokens = 0, bytes = 0;
  for (const std::string& file : o.files) {
    const ScoredText d = read_scored(file, tokenizer);
    const std::vector<Token>& ids = d.tokens;
    const int64_t n = static_cast<int64_t>(ids.size());
    require(d.context < T, o.model, ": texts begin with ", d.context,
            " tokens; the model's context has ", T);
    std::vector<ScoreRequest> requests;
    for (int64_t done = d.context; done < n;) {
      const int64_t first =
          std::max<int64_t>(0, done == d.context ? 0 : done - std::max<int64_t>(1, overlap));
      const int64_t end = std::min(n, first + T);
      requests.push_back(
          {{ids.begin() + first, ids.begin() + done}, {ids.begin() + done, ids.begin() + end}});
      done = end;
    }
    for (const Scored& s : lm->score(requests)) nats -= s.log_prob;
    tokens += n - d.context;
    bytes += d.bytes;
  }
  const double per_token = nats / static_cast<double>(tokens);
  const double bits = nats / std::numbers::ln2 / static_cast<double>(bytes);
  if (o.json)
    fmt::print("{}\n", nlohmann::json{{"model", o.model},
                                      {"tokens", tokens},
                                      {"bytes", bytes},
                                      {"nats_per_token", per_token},
                                      {"bits_per_byte", bits}}
                           .dump());
  else
    fmt::print(
        "{} tokens, {} bytes: {:.4f} nats a token, perplexity {:.3f}, {:.4f} bits per byte\n",
        tokens, bytes, per_token, std::exp(per_token), bits);
}

}  // namespace

void add_score(CLI::App& app) {
  auto o = std::make_shared<ScoreOptions>();
  CLI::App* c = app.add_subcommand("score", "Measure how well a model predicts texts");
  c->group("Use a model");
  add_path(c, "MODEL", o->model, "a checkpoint's folder")->required();
  add_paths(c, "FILE", o->files, "texts, each a document")->required();
  add_number(c, "--overlap", o->overlap, between(0, kManyTokens),
             "tokens that a window shares with the one before; default: half the context")
      ->default_str("");
  add_threads(c, o->threads);
  c->add_flag("--json", o->json, "one JSON object");
  c->footer("Example:\n  lineage score runs/trees/stdlib/coder some.py other.py");
  c->callback([o] { score(*o); });
}

}  // namespace lineage::cli
