#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace lineage {

// The one exception of the project, thrown for faults that a user can cause: a file, a config, a
// shape. `what()` reads "place: fault; wanted state"; `hint()` is the command or the edit that
// helps. Only cli/main.cc prints it (and exits 1).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, std::string hint = {})
      : std::runtime_error(what), hint_(std::move(hint)) {}
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

// require(x.dim(1) == w.dim(1), "linear: x is ", x.shape(), ", weight is ", w.shape());
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (ok) [[likely]]
    return;
  std::ostringstream message;
  (message << ... << parts);
  throw Error(message.str());
}

}  // namespace lineage
