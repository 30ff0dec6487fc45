#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

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

// One line for pieces of work that go on side by side: how far all are together, and what each says
// that is at work. Any thread may tell of its piece.
class JointProgress {
 public:
  // `costs` of the pieces, in any unit; `what` names all of them.
  JointProgress(Progress& of_all, std::string what, std::vector<double> costs);

  // What piece `i`, called `name`, tells of itself. It is done when this goes.
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
