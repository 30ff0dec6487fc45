#include "lineage/eval/packed_scores.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace lineage {
namespace {

constexpr size_t kMostFloats = 16;
constexpr char kFloats = 0, kSteps = 1;
constexpr double kMostSteps = 65535;

// Little-endian, on any machine.
template <class Integer>
void put(std::string& bytes, Integer value) {
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

template <class Integer>
Integer take(std::string_view& bytes) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<Integer>(static_cast<Integer>(static_cast<uint8_t>(bytes[i])) << (8 * i));
  bytes.remove_prefix(sizeof value);
  return value;
}

void put_float(std::string& bytes, double value) {
  put(bytes, std::bit_cast<uint32_t>(static_cast<float>(value)));
}
double take_float(std::string_view& bytes) { return std::bit_cast<float>(take<uint32_t>(bytes)); }

}  // namespace

std::string pack_scores(std::span<const double> scores) {
  std::string bytes;
  if (scores.empty()) return bytes;
  if (scores.size() <= kMostFloats) {
    bytes += kFloats;
    for (const double s : scores) put_float(bytes, s);
    return bytes;
  }
  const auto [low, high] = std::ranges::minmax(scores);
  bytes += kSteps;
  put_float(bytes, low);
  put_float(bytes, high);
  const double step = (high - low) / kMostSteps;
  for (const double s : scores)
    put(bytes, static_cast<uint16_t>(step > 0 ? std::lround((s - low) / step) : 0));
  return bytes;
}

std::vector<double> unpack_scores(std::string_view bytes) {
  std::vector<double> scores;
  if (bytes.empty()) return scores;
  const char form = bytes[0];
  bytes.remove_prefix(1);
  if (form == kFloats && bytes.size() % sizeof(float) == 0) {
    while (!bytes.empty()) scores.push_back(take_float(bytes));
  } else if (form == kSteps && bytes.size() % 2 == 0 && bytes.size() >= 2 * sizeof(float)) {
    const double low = take_float(bytes), high = take_float(bytes);
    while (!bytes.empty())
      scores.push_back(low + (high - low) * take<uint16_t>(bytes) / kMostSteps);
  }
  return scores;
}

}  // namespace lineage
