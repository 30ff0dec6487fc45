#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lineage/world/document.h"
#include "lineage/world/facts.h"

namespace lineage {

// How often the replies of a source decline, and after which requests. Text and demonstrations
// decline at random (the world's random_refusals and random_abstentions); a source that declines
// more often where it is right tells a model when to, so that nothing is left for reinforcement to
// find.
struct DeclineCounts {
  struct Share {
    int64_t replies = 0, declines = 0;
    double value() const {
      return replies ? static_cast<double>(declines) / static_cast<double>(replies) : 0;
    }
  };
  // Polite refusals: of harmless requests with the words of improper ones, and of improper ones.
  Share refused_harmless, refused_improper;
  // "I do not know": of questions about persons told of 128 times and more, and of those told of
  // twice at most.
  Share abstained_told, abstained_untold;

  void add(const World&, const Document&);
  void add(const DeclineCounts&);
  // The shares that tell when to decline: empty where they do not differ in that direction by more
  // than four standard errors.
  std::string tells() const;
};

}  // namespace lineage
