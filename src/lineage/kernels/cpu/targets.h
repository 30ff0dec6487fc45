#pragma once

// Include before any Highway header. On x86 a kernel is compiled for AVX-512, AVX2 with FMA, SSE4,
// and plain C++ (one lane: HWY_SCALAR, the fallback of Debian's Highway 1.0.3; it lacks the
// operations that move lanes); the best one is chosen when the program starts. Scalable vectors
// cannot be kept in arrays, as the matrix kernels keep theirs; Arm's fixed-size NEON can.
#if defined(__x86_64__) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
// Under sanitizers, where each width takes its share of minutes to compile: AVX2 and plain C++.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#else
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
