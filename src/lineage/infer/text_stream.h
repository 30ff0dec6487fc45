#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// The text of a completion, token by token: finds stop texts, also those that cross tokens, and
// holds back text that may still become one.
class TextStream {
 public:
  TextStream(const Tokenizer&, Token previous, std::vector<std::string> stop);
  // The text that is now certain. After stopped() there is no more.
  std::string push(Token);
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::string release(bool all);

  StreamDecoder decoder_;
  std::vector<std::string> stop_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace lineage
