#pragma once

#include <cstdint>
#include <filesystem>

namespace lineage {

// Properties of this machine, measured now. None of them affects a result.

// GFLOP/s of the fastest f32 matrix product at a few large shapes; takes a quarter of a second.
double matmul_peak_gflops();
int64_t available_memory();                            // bytes that a new process could take
int64_t free_disk(const std::filesystem::path& path);  // bytes, of the disk that holds `path`
int64_t peak_memory();                                 // most bytes this process has held at once

}  // namespace lineage
