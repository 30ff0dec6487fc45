#include "lineage/base/digest.h"

#include <openssl/evp.h>

#include <new>

#include "lineage/base/file.h"

namespace lineage {

struct Digest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
}
Digest::~Digest() = default;

Digest& Digest::add(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  return *this;
}

Digest& Digest::add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

Digest& Digest::field(std::string_view text) {
  add(std::to_string(text.size()));
  add(":");
  return add(text);
}

std::string Digest::hex() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, bytes, &size);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

std::string digest_of(std::string_view text) { return Digest().add(text).hex(); }

std::string digest_of_file(const std::filesystem::path& path) {
  return Digest().add(MappedFile(path).bytes()).hex();
}

}  // namespace lineage
