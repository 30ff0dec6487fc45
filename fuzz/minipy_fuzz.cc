// minipy: any bytes as Python source, and as words of the vocabulary, through lexer, parser and
// interpreter. Every end is fine but a crash, a hang or an exception; lexemes written and read
// again must stay the same.
#include <cstdlib>

#include "lineage/world/minipy/words.h"

namespace {

namespace minipy = lineage::minipy;

void run_source(std::string_view text) {
  minipy::RunOptions options;
  options.limits.steps = 500;
  options.record_assignments = true;
  options.echo = true;
  minipy::run_source(text, options);
  try {
    const std::string once = minipy::source(minipy::lex(text).items);
    if (minipy::source(minipy::lex(once).items) != once) std::abort();
  } catch (const minipy::Fault&) {
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
  minipy::run_words(tokens);
  return 0;
}
