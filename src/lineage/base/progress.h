#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The progress reports of a long piece of work. Only cli/ draws bars; a library calls this.
class Progress {
 public:
  virtual ~Progress() = default;
  // `fraction` in [0, 1] of the piece `what`; `detail` is one short line.
  virtual void update(std::string_view what, double fraction, std::string_view detail) = 0;
  // One line worth keeping: a warning, a decision taken by rule, a finished piece.
  virtual void note(std::string_view line) = 0;
};

// Discards everything.
Progress& silent();

// One line for pieces of work in parallel: the progress of all together, and the details of each
// running one. Any thread may report its piece.
class JointProgress {
 public:
  // `costs` of the pieces, in any unit; `what` names all of them.
  JointProgress(Progress& of_all, std::string what, std::vector<double> costs);

  // The progress of piece `i`, called `name`. The piece is done when this is destroyed.
  std::unique_ptr<Progress> piece(size_t i, std::string name);

 private:
  class Part;
  void update(size_t i, double fraction, std::string said);
  void note(std::string_view line);

  std::mutex mutex_;
  Progress& of_all_;
  std::string what_;
  std::vector<double> costs_, fractions_;
  std::vector<std::string> said_;  // empty: not at work
};

}  // namespace lineage
