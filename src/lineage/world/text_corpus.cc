#include "lineage/world/text_corpus.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "lineage/base/error.h"

namespace lineage {
namespace {

// The division of a type into its streams, by tokens: stories in boxes, ephemeral and pattern lists
// among bursty documents, requests in forums; at least so many world pages in encyclopaedias.
constexpr double kBoxShare = 0.3, kEphemeralShare = 0.14, kPatternShare = 0.18, kRequestShare = 0.4;
constexpr double kLeastWorldPages = 0.1;

}  // namespace

TextCorpus::TextCorpus(const World& world, int64_t tokens)
    : world_(&world), tokens_(tokens), context_(world), order_(Rng(0), 1) {
  require(tokens > 0, "text corpus: ", tokens, " tokens; wanted at least one");
  count_documents();
  order_ = Permutation(world.key("text order"), total_);
}

int64_t TextCorpus::biographies() const {
  int64_t count = 0;
  for (const Person& person : world_->persons()) count += kExposures[size_t(person.tier)];
  return count;
}

double TextCorpus::mean_tokens(Stream stream) const {
  constexpr int64_t kSamples = 256;
  int64_t sum = 0;
  for (int64_t i = 0; i < kSamples; ++i) {
    // Numbers that no corpus reaches, except for biographies, which have no others.
    const int64_t number = stream == kBiography ? i * biographies() / kSamples : (1LL << 40) + i;
    const double progress = (static_cast<double>(i) + 0.5) / kSamples;
    sum += std::ssize(make(stream, number, progress).tokens);
  }
  return static_cast<double>(sum) / kSamples;
}

void TextCorpus::count_documents() {
  const WorldConfig& config = world_->config();
  const TextShares& s = config.shares;
  const double sum = s.encyclopaedia + s.story + s.bursty + s.question_page + s.news + s.forum +
                     s.informal_math + s.language_b;
  require(sum > 0, "text corpus: all shares are 0; wanted one above");
  const auto of = [&](double share) { return static_cast<double>(tokens_) * share / sum; };

  const double biography_tokens = static_cast<double>(biographies()) * mean_tokens(kBiography);
  const double pages = of(s.encyclopaedia) - biography_tokens;
  if (s.encyclopaedia > 0 && pages < kLeastWorldPages * of(s.encyclopaedia))
    throw Error("text corpus: " + std::to_string(biographies()) + " biographies of " +
                    std::to_string(world_->persons().size()) + " persons take " +
                    std::to_string(std::llround(biography_tokens)) +
                    " tokens; wanted at most 90 % of the encyclopaedia's " +
                    std::to_string(std::llround(of(s.encyclopaedia))),
                "lower `persons`, or raise the corpus's tokens or shares.encyclopaedia");
  std::array<double, kStreams> tokens{};
  tokens[kWorldPage] = std::max(0.0, pages);
  tokens[kEventStory] = of(s.story) * (1 - kBoxShare);
  tokens[kBoxStory] = of(s.story) * kBoxShare;
  tokens[kEntryList] = of(s.bursty) * (1 - kEphemeralShare - kPatternShare);
  tokens[kEphemeral] = of(s.bursty) * kEphemeralShare;
  tokens[kPatternList] = of(s.bursty) * kPatternShare;
  tokens[kQuestionPage] = of(s.question_page) * (1 - config.qa_passages);
  tokens[kPassagePage] = of(s.question_page) * config.qa_passages;
  tokens[kNews] = of(s.news);
  tokens[kOpinion] = of(s.forum) * (1 - kRequestShare);
  tokens[kRequest] = of(s.forum) * kRequestShare;
  tokens[kMath] = of(s.informal_math);
  tokens[kLanguageB] = of(s.language_b);

  for (int i = 0; i < kStreams; ++i) {
    const Stream stream = static_cast<Stream>(i);
    const double mean = mean_tokens(stream);
    const int64_t count = stream != kBiography  ? std::llround(tokens[size_t(i)] / mean)
                          : s.encyclopaedia > 0 ? biographies()
                                                : 0;
    first_[size_t(i) + 1] = first_[size_t(i)] + count;
    if (stream == kPatternList) context_.pattern_lists = std::max<int64_t>(1, count);
    if (stream == kNews && count > 0) {
      constexpr double kFactsAPage = 4.5;
      const double core = 10.0 * world_->core_countries() * config.core_exposures;
      context_.core_news = std::min(0.8, core / (static_cast<double>(count) * kFactsAPage));
    }
  }
  total_ = first_.back();
  require(total_ > 0, "text corpus: ", tokens_, " tokens hold no document; wanted more tokens");
}

const Person& TextCorpus::person_of(int64_t biography) const {
  // Tier by tier, one biography of each person after the other.
  for (size_t tier = 0; tier < kExposures.size(); ++tier) {
    const auto persons = world_->persons(static_cast<Tier>(tier));
    const int64_t count = std::ssize(persons) * kExposures[tier];
    if (biography < count) return persons[biography % std::ssize(persons)];
    biography -= count;
  }
  assert(false);
  return world_->persons().back();
}

Document TextCorpus::make(Stream stream, int64_t number, double progress,
                          std::string_view purpose) const {
  const Rng key =
      world_->key(purpose).fold(static_cast<uint64_t>(stream)).fold(static_cast<uint64_t>(number));
  switch (stream) {
    case kBiography:
      return biography(context_, person_of(number), key);
    case kWorldPage:
      return world_page(context_, key);
    case kEventStory:
      return event_story(context_, key);
    case kBoxStory:
      return box_story(context_, key);
    case kEntryList:
      return entry_list(context_, key, progress);
    case kEphemeral:
      return ephemeral_biography(context_, key);
    case kPatternList:
      return pattern_list(context_, number % context_.pattern_lists);
    case kQuestionPage:
      return question_page(context_, key);
    case kPassagePage:
      return passage_page(context_, key);
    case kNews:
      return news_page(context_, key);
    case kOpinion:
      return opinion_page(context_, key);
    case kRequest:
      return request_page(context_, key);
    case kMath:
      return informal_math(context_, key);
    case kLanguageB:
      return b_page(context_, key);
    case kStreams:
      break;
  }
  assert(false);
  return {};
}

Document TextCorpus::document(int64_t index) const {
  assert(0 <= index && index < total_);
  const int64_t place = order_(index);
  const Stream stream = stream_at(place);
  const double progress = static_cast<double>(index) / static_cast<double>(total_);
  return make(stream, place - first_[stream], progress);
}

TextCorpus::Stream TextCorpus::stream_at(int64_t place) const {
  const auto next = std::upper_bound(first_.begin(), first_.end(), place);
  return static_cast<Stream>(next - first_.begin() - 1);
}

Document TextCorpus::heldout(int64_t index) const {
  const Rng key = world_->key("text held out").fold(static_cast<uint64_t>(index));
  for (uint64_t attempt = 0;; ++attempt) {
    const auto place = static_cast<int64_t>(key.below(static_cast<uint64_t>(total_), attempt));
    const Stream stream = stream_at(place);
    if (stream == kPatternList && first_[kPatternList + 1] - first_[kPatternList] < total_)
      continue;
    const int64_t number = stream == kBiography ? place : index;
    return make(stream, number, 1, "text held out");
  }
}

}  // namespace lineage
