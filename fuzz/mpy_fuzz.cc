// mpy: any bytes as Python source, and as words of the vocabulary, through lexer, parser and
// interpreter. Every end is fine but a crash, a hang or an exception; lexemes written and read
// again must stay the same.
#include <cstdlib>

#include "lineage/world/mpy/words.h"

namespace {

namespace mpy = lineage::mpy;

void run_source(std::string_view text) {
  mpy::RunOptions options;
  options.limits.steps = 500;
  options.record_assignments = true;
  options.echo = true;
  mpy::run_source(text, options);
  try {
    const std::string once = mpy::source(mpy::lex(text).items);
    if (mpy::source(mpy::lex(once).items) != once) std::abort();
  } catch (const mpy::Fault&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  if (data[0] % 4 != 0) {
    run_source({reinterpret_cast<const char*>(data) + 1, size - 1});
    return 0;
  }
  std::vector<lineage::Token> tokens;
  for (size_t i = 1; i + 1 < size; i += 2)
    tokens.push_back((data[i] | data[i + 1] << 8) % 1030 - 2);
  mpy::run_words(tokens);
  return 0;
}
