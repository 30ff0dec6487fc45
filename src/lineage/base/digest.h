#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lineage {

// SHA-256 (FIPS 180-4), by OpenSSL. A digest is 64 lower-case hexadecimal digits; it names
// checkpoints, datasets, tokenizers and recipe nodes.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest& add(std::span<const std::byte> bytes);
  Digest& add(std::string_view text);
  // With its length, so that ("ab", "c") and ("a", "bc") differ.
  Digest& field(std::string_view text);
  std::string hex();  // finishes; call once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string digest_of(std::string_view text);
std::string digest_of_file(const std::filesystem::path&);

}  // namespace lineage
