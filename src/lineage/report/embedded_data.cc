#include "lineage/report/embedded_data.h"

#include <openssl/evp.h>
#include <zlib.h>

#include "lineage/base/error.h"

namespace lineage {

std::string gzip(std::string_view text, int level) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
  require(deflateInit2(&stream, level, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) == Z_OK,
          "report: zlib cannot begin");
  std::string bytes(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  const int status = deflate(&stream, Z_FINISH);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  require(status == Z_STREAM_END, "report: zlib cannot end");
  return bytes;
}

std::string embedded_data(std::string_view text) {
  const std::string bytes = gzip(text);
  std::string base64(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // and a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  base64.resize(static_cast<size_t>(length));
  return base64;
}

}  // namespace lineage
