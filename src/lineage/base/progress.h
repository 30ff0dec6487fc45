#pragma once

#include <string_view>

namespace lineage {

// What a long piece of work tells whoever watches. Only cli/ draws bars; a library calls this.
class Progress {
 public:
  virtual ~Progress() = default;
  // `fraction` in [0, 1] of the piece called `what`; `detail` is one short line.
  virtual void update(std::string_view what, double fraction, std::string_view detail) = 0;
  // One line worth keeping: a warning, a decision taken by rule, a finished piece.
  virtual void note(std::string_view line) = 0;
};

// Discards everything.
Progress& silent();

}  // namespace lineage
