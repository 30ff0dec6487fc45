#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/cli/bench.h"
#include "lineage/text/bpe_train.h"

namespace lineage::cli {
namespace {

// MB/s of encoding on one core, the best of repeated passes over all texts.
double encode_rate(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                   double seconds) {
  double best = 0;
  std::vector<Token> tokens;
  const auto start = Clock::now();
  do {
    double bytes = 0;
    const auto begin = Clock::now();
    for (const std::string& text : texts) {
      tokens.clear();
      tokenizer.encode_append(text, tokens);
      bytes += static_cast<double>(text.size());
    }
    best = std::max(best, 1e-6 * bytes / seconds_since(begin));
  } while (seconds_since(start) < seconds);
  return best;
}

}  // namespace

void bench_tokenizer(const BenchOptions& o) {
  std::vector<std::string> texts;
  std::vector<std::string_view> views;
  double bytes = 0;
  for (const std::string& file : o.texts) {
    texts.push_back(read_file(file));
    bytes += static_cast<double>(texts.back().size());
  }
  views.assign(texts.begin(), texts.end());
  require(bytes > 0, "--text: the files are empty; wanted some text");
  BpeTrainOptions options;
  options.vocab = o.vocab;
  const auto start = Clock::now();
  std::shared_ptr<const Tokenizer> tokenizer = train_bpe(options, views);
  const double trained = seconds_since(start);
  if (!o.ranks.empty()) tokenizer = Tokenizer::load(o.ranks);
  const double rate = encode_rate(*tokenizer, texts, o.seconds);
  if (o.json)
    fmt::print("{}\n", nlohmann::json{{"megabytes", 1e-6 * bytes},
                                      {"vocab", o.vocab},
                                      {"train_seconds", trained},
                                      {"encode_mb_per_s", rate}}
                           .dump());
  else
    fmt::print("{:.1f} MB: training to {} tokens {:.2f} s; encoding {:.1f} MB/s on one core\n",
               1e-6 * bytes, o.vocab, trained, rate);
}

}  // namespace lineage::cli
