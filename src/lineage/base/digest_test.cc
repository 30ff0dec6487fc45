#include "lineage/base/digest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "lineage/base/file.h"
#include "lineage/base/testing.h"

namespace lineage {
namespace {

// FIPS 180-2, appendix B, and the empty message.
TEST(Digest, MatchesThePublishedVectors) {
  EXPECT_EQ(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest_of(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, PiecesGiveTheDigestOfTheWhole) {
  EXPECT_EQ(Digest().add("a").add("").add("bc").hex(), digest_of("abc"));
}

TEST(Digest, FieldsKeepTheirBounds) {
  EXPECT_NE(Digest().field("ab").field("c").hex(), Digest().field("a").field("bc").hex());
  EXPECT_NE(Digest().field("").hex(), Digest().hex());
  EXPECT_EQ(Digest().field("abc").hex(), digest_of("3:abc"));
}

TEST(Digest, OfAFileIsOfItsBytes) {
  const testing::TempFolder folder;
  const fs::path path = folder / "file";
  write_file_atomic(path, "abc");
  EXPECT_EQ(digest_of_file(path), digest_of("abc"));
  write_file_atomic(path, "");
  EXPECT_EQ(digest_of_file(path), digest_of(""));
}

}  // namespace
}  // namespace lineage
