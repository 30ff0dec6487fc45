#include "lineage/stages/heldout.h"

#include <algorithm>
#include <array>
#include <numbers>

#include "lineage/ops/ops.h"
#include "lineage/train/language_model.h"

namespace lineage {
namespace {

constexpr int64_t kTokensAtOnce = 8192;

}  // namespace

HeldoutScore score_rows(const Gpt& gpt, const Dataset& rows, int64_t count,
                        const BatchOptions& options, Communicator& ranks, const RowsDone& done) {
  const int64_t at_once = std::max<int64_t>(1, kTokensAtOnce / options.context);
  std::array<double, 2> sums{};  // nats, predicted tokens
  int64_t turn = 0;
  for (int64_t first = 0; first < count; first += at_once, ++turn) {
    if (turn % ranks.size() != ranks.rank()) continue;
    const Batch batch = batch_in_order(rows, first, std::min(at_once, count - first), options);
    sums[0] += static_cast<double>(language_model_loss(gpt, batch, 1).data<float>()[0]);
    sums[1] += batch.total_weight;
    if (done) done(std::min(count, first + at_once));
  }
  ranks.all_reduce(std::span<double>(sums));
  return {sums[0], static_cast<int64_t>(sums[1])};
}

// The same, label by label: two numbers for each.
static std::vector<double> score_labels(const Gpt& gpt, const Dataset& rows, const Dataset& labels,
                                        size_t names, int64_t count, const BatchOptions& options,
                                        Communicator& ranks, const RowsDone& done) {
  const int64_t at_once = std::max<int64_t>(1, kTokensAtOnce / options.context);
  std::vector<double> sums(2 * names);
  int64_t turn = 0;
  for (int64_t first = 0; first < count; first += at_once, ++turn) {
    if (turn % ranks.size() != ranks.rank()) continue;
    const int64_t take = std::min(at_once, count - first);
    const Batch batch = batch_in_order(rows, first, take, options);
    // Its targets are the labels of the other's targets.
    const Batch of_labels = batch_in_order(labels, first, take, options);
    const Tensor hidden = gpt.hidden(batch.tokens, batch.positions, batch.starts);
    const Tensor log_probs = ops::linear_log_probs(hidden, gpt.head(), batch.targets).log_probs;
    const auto nats = log_probs.data<float>(), weights = batch.weights.data<float>();
    const auto label = of_labels.targets.data<int32_t>();
    for (size_t n = 0; n < nats.size(); ++n) {
      if (weights[n] == 0) continue;
      sums[2 * static_cast<size_t>(label[n])] -= static_cast<double>(nats[n]);
      sums[2 * static_cast<size_t>(label[n]) + 1] += 1;
    }
    if (done) done(std::min(count, first + at_once));
  }
  ranks.all_reduce(std::span<double>(sums));
  return sums;
}

// The held-out rows of source i.
static int64_t heldout_rows_of(const TextData& data, size_t i, int64_t max_tokens) {
  const DatasetPtr& rows = data.heldout(i);
  if (!rows || rows->size() == 0) return 0;
  return max_tokens ? std::clamp<int64_t>(max_tokens / data.options().context, 1, rows->size())
                    : rows->size();
}

int64_t heldout_rows(const TextData& data, int64_t max_tokens) {
  int64_t rows = 0;
  for (size_t i = 0; i < data.sources().size(); ++i) rows += heldout_rows_of(data, i, max_tokens);
  return rows;
}

std::map<std::string, HeldoutScore> score_heldout(const Gpt& gpt, const TextData& data,
                                                  int64_t max_tokens, Communicator& ranks,
                                                  const RowsDone& done) {
  int64_t before = 0;  // rows of the sources before this one
  const RowsDone in_all = [&](int64_t rows) {
    if (done) done(before + rows);
  };
  std::map<std::string, HeldoutScore> scores;
  HeldoutScore all;
  double all_bytes = 0;
  for (size_t i = 0; i < data.sources().size(); ++i) {
    const DatasetPtr& rows = data.heldout(i);
    if (!rows || rows->size() == 0) continue;
    const PreparedSource& source = data.sources()[i];
    const int64_t count = heldout_rows_of(data, i, max_tokens);
    HeldoutScore score;
    if (const DatasetPtr& labels = data.heldout_labels(i)) {
      const std::vector<double> sums = score_labels(gpt, *rows, *labels, source.label_names.size(),
                                                    count, data.options(), ranks, in_all);
      for (size_t l = 0; l < source.label_names.size(); ++l) {
        const HeldoutScore part{sums[2 * l], static_cast<int64_t>(sums[2 * l + 1])};
        score.nats += part.nats;
        score.tokens += part.tokens;
        if (part.tokens > 0 && !source.label_names[l].empty())
          score.labels[source.label_names[l]] = part;
      }
    } else {
      score = score_rows(gpt, *rows, count, data.options(), ranks, in_all);
    }
    // The bytes of the text read: all of it, or its share of the rows.
    const double bytes = static_cast<double>(source.heldout->bytes()) * static_cast<double>(count) /
                         static_cast<double>(rows->size());
    before += count;
    if (score.tokens == 0) continue;
    score.bits_per_byte = score.nats / std::numbers::ln2 / bytes;
    all.nats += score.nats;
    all.tokens += score.tokens;
    all_bytes += bytes;
    scores[source.record.name] = std::move(score);
  }
  if (all.tokens == 0) return {};
  all.bits_per_byte = all.nats / std::numbers::ln2 / all_bytes;
  scores[""] = std::move(all);
  return scores;
}

}  // namespace lineage
