#include "lineage/infer/text_stream.h"

#include <algorithm>
#include <utility>

namespace lineage {

TextStream::TextStream(const Tokenizer& tokenizer, Token previous, std::vector<std::string> stop)
    : decoder_(tokenizer, previous), stop_(std::move(stop)) {}

std::string TextStream::push(Token token) {
  held_ += decoder_.push(token);
  return release(false);
}

std::string TextStream::finish() {
  if (stopped_) return {};
  held_ += decoder_.finish();
  return release(true);
}

std::string TextStream::release(bool all) {
  size_t first = std::string::npos;
  for (const std::string& s : stop_) first = std::min(first, held_.find(s));
  if (first != std::string::npos) {
    stopped_ = true;
    return std::exchange(held_, {}).substr(0, first);
  }
  size_t keep = 0;  // the longest end of the text that begins a stop text
  if (!all)
    for (const std::string& s : stop_)
      for (size_t n = std::min(s.size() - 1, held_.size()); n > keep; --n)
        if (held_.ends_with(std::string_view(s).substr(0, n))) keep = n;
  std::string out = held_.substr(0, held_.size() - keep);
  held_.erase(0, out.size());
  return out;
}

}  // namespace lineage
