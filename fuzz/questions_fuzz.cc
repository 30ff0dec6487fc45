// Hostile bytes through the reader of benchmarks: JSON, tables, six lines. The first byte chooses
// whether bad records are left out. An Error is a fine answer; a question without a right answer is
// not.
#include <cstdlib>

#include "lineage/base/error.h"
#include "lineage/eval/scenarios/item_file.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

void check_item(const lineage::Instance& item) {
  const auto& choices = item.contexts.empty() ? item.answers : item.contexts;
  check(!item.answers.empty() && !item.answers[0].empty());
  check(item.correct >= 0 && item.correct < std::ssize(choices));
  check(item.right.empty() || item.right.size() == item.answers.size());
  check(item.right.empty() || item.right[item.correct]);
  if (item.program) check(!item.program("pass").empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  lineage::ItemFileOptions options;
  options.malformed = data[0] & 1 ? lineage::Malformed::skip : lineage::Malformed::error;
  try {
    const lineage::ItemFile file = lineage::read_items_of(bytes, "fuzz", options);
    check(file.format && !file.items.empty());
    for (const lineage::Instance& item : file.items) check_item(item);
  } catch (const lineage::Error&) {
  }
  return 0;
}
