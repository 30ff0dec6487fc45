#include "lineage/data/text_data.h"

#include "lineage/base/error.h"
#include "lineage/data/files.h"

namespace lineage {

TextData::TextData(const TextDataConfig& config, const Tokenizer& tokenizer, int64_t context,
                   uint64_t seed, const std::filesystem::path& cache, Progress& progress) {
  if (config.sources.empty())
    throw Error("data: there is no source; wanted at least one",
                "add a table such as [data.sources.books] with kind and paths");
  // What is cheap to check in all sources comes before what is slow in the first.
  for (const auto& [name, source] : config.sources) {
    validate(source, name);
    list_files(source, name);
  }
  options_ = {context, config.mask_documents, config.reset_positions,
              tokenizer.special(Special::end_of_text)};
  std::vector<Share> shares;
  for (const auto& [name, source] : config.sources) {
    sources_.push_back(prepare_source(name, source, tokenizer,
                                      {.cache = cache, .verify = config.verify}, progress));
    shares.push_back({rows_of(sources_.back().train, config.packing, context), source.weight});
    heldout_.push_back(rows_of(sources_.back().heldout, config.packing, context));
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
