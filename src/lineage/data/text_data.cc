#include "lineage/data/text_data.h"

#include "lineage/base/error.h"

namespace lineage {

TextData::TextData(std::vector<PreparedSource> sources, const RowsConfig& config,
                   const Tokenizer& tokenizer, int64_t context, uint64_t seed)
    : sources_(std::move(sources)) {
  if (sources_.empty())
    throw Error("data: there is no source; wanted at least one",
                "add a table such as [sources.books] with kind and paths");
  options_ = {context, config.mask_documents, config.reset_positions,
              tokenizer.special(Special::end_of_text)};
  const auto rows = [&](const CorpusPtr& corpus) {
    return corpus ? rows_of(corpus, config.packing, context) : nullptr;
  };
  std::vector<Share> shares;
  for (const PreparedSource& source : sources_) {
    shares.push_back({rows(source.train), source.record.weight});
    heldout_.push_back(rows(source.heldout));
    heldout_labels_.push_back(rows(source.heldout_labels));
  }
  mixture_ = std::make_unique<Mixture>(std::move(shares), seed);
}

std::vector<SourceRecord> TextData::records(int64_t rows) const {
  std::vector<SourceRecord> out;
  for (size_t i = 0; i < sources_.size(); ++i) {
    out.push_back(sources_[i].record);
    out.back().epochs = mixture_->epochs(static_cast<int64_t>(i), rows);
  }
  return out;
}

}  // namespace lineage
