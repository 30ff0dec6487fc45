#pragma once

#include <bit>
#include <cstdint>

namespace lineage {

// IEEE 754 binary16 and bfloat16 as bits. Widening is exact, NaN payloads included; narrowing
// rounds to nearest, ties to even, so that narrowing a widened value gives the same bits.

constexpr float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

constexpr uint16_t to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const bool nan = (bits & 0x7FFFFFFF) > 0x7F800000;
  if (nan && (bits & 0x007F0000) == 0) return static_cast<uint16_t>(bits >> 16 | 0x40);
  if (nan) return static_cast<uint16_t>(bits >> 16);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

constexpr float from_f16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 0x1F;
  uint32_t mantissa = bits & 0x3FF;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
  if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  if (mantissa == 0) return std::bit_cast<float>(sign);
  // Subnormal: mantissa · 2^-24. Shift its leading one out to the implicit place.
  const uint32_t shift = static_cast<uint32_t>(std::countl_zero(mantissa)) - 21;
  mantissa = mantissa << shift & 0x3FF;
  return std::bit_cast<float>(sign | (113 - shift) << 23 | mantissa << 13);
}

constexpr uint16_t to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7FFFFFFF;
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const auto signed_bits = [&](uint32_t m) { return static_cast<uint16_t>(sign | m); };
  if (magnitude > 0x7F800000) {  // NaN, kept quiet when its payload is lost
    const uint32_t payload = magnitude >> 13 & 0x3FF;
    return signed_bits(0x7C00 | (payload ? payload : 0x200));
  }
  if (magnitude >= 0x477FF000) return signed_bits(0x7C00);  // rounds beyond 65504
  if (magnitude >= 0x38800000) {                            // normal in binary16
    const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
    return signed_bits((rounded >> 13) - (112u << 10));
  }
  if (magnitude < 0x33000000) return sign;  // below half of the least subnormal
  const uint32_t shift = 126 - (magnitude >> 23);
  const uint32_t full = (magnitude & 0x7FFFFF) | 0x800000;
  const uint32_t kept = full >> shift, rest = full & ((1u << shift) - 1), half = 1u << (shift - 1);
  return signed_bits(kept + (rest > half || (rest == half && (kept & 1))));
}

}  // namespace lineage
