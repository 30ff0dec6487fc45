#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lineage/data/permutation.h"
#include "lineage/world/text/generators.h"

namespace lineage {

// The text corpus of a world at a size in tokens (docs/abilities.md, section 3.3): documents by
// index, already shuffled, each a pure function of the world and the index, so any thread may make
// any document at any time.
//
// Over the whole corpus every person has exactly as many biographies as its tier requires; the
// types take their shares by tokens, up to the scatter of document lengths. An Error when the
// biographies alone exceed the encyclopaedia's share.
class TextCorpus {
 public:
  TextCorpus(const World&, int64_t tokens);

  int64_t documents() const { return total_; }
  int64_t tokens() const { return tokens_; }  // as requested; the actual number is close
  Document document(int64_t index) const;
  // Documents of the same kinds and shares that are in no corpus of this world, for evaluation; any
  // index. Pattern lists are left out: their lines are dealt over one corpus.
  Document heldout(int64_t index) const;

  const TextContext& context() const { return context_; }

 private:
  // Streams of documents; a type may have several.
  enum Stream : uint8_t {
    kBiography,
    kWorldPage,
    kEventStory,
    kBoxStory,
    kEntryList,
    kEphemeral,
    kPatternList,
    kQuestionPage,
    kPassagePage,
    kNews,
    kOpinion,
    kRequest,
    kMath,
    kLanguageB,
    kStreams
  };

  void count_documents();
  double mean_tokens(Stream) const;
  int64_t biographies() const;
  // The person whose biography has this number.
  const Person& person_of(int64_t biography) const;
  // The stream of the document at a place in the order before shuffling.
  Stream stream_at(int64_t place) const;
  Document make(Stream, int64_t number, double progress, std::string_view purpose = "text") const;

  const World* world_;
  int64_t tokens_;
  TextContext context_;
  std::array<int64_t, kStreams + 1> first_{};  // first document of each stream before shuffling
  int64_t total_ = 0;
  Permutation order_;
};

}  // namespace lineage
