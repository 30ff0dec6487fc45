#include "lineage/checkpoint/safetensors.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lineage/checkpoint/half.h"
#include "lineage/checkpoint/testing.h"

namespace lineage {
namespace {

using testing::error_of;
using testing::flip;
using testing::TempFolder;
using testing::write_bytes;

std::string file_of(const std::string& header, const std::string& elements) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + elements;
}

SafetensorsContent parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "a.safetensors");
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(T)};
}

Tensor read_one(const std::string& dtype, const std::string& elements, int64_t count) {
  const std::string file =
      file_of(R"({"x":{"dtype":")" + dtype + R"(","shape":[)" + std::to_string(count) +
                  R"(],"data_offsets":[0,)" + std::to_string(elements.size()) + "]}}",
              elements);
  return read_tensor(parse(file).tensors.at(0));
}

std::vector<float> floats(const Tensor& x) {
  const auto data = x.data<float>();
  return {data.begin(), data.end()};
}
std::vector<int32_t> ints(const Tensor& x) {
  const auto data = x.data<int32_t>();
  return {data.begin(), data.end()};
}

TEST(Safetensors, ReadsTheFormatByHand) {
  const std::string file = file_of(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}   )",
      bytes_of<float>({1.5f, -2}) + bytes_of<int32_t>({7}));
  const SafetensorsContent content = parse(file);
  ASSERT_EQ(content.tensors.size(), 2u);
  EXPECT_EQ(content.tensors[0].name, "b");
  EXPECT_EQ(content.tensors[0].shape, Shape({2, 1}));
  EXPECT_EQ(floats(read_tensor(content.tensors[0])), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(content.tensors[1].shape, Shape());
  EXPECT_EQ(ints(read_tensor(content.tensors[1])), std::vector<int32_t>{7});
  EXPECT_EQ(content.metadata.at("format"), "pt");
}

TEST(Safetensors, ReadsEveryType) {
  EXPECT_EQ(floats(read_one("F64", bytes_of<double>({0.5, -3}), 2)), (std::vector<float>{0.5, -3}));
  EXPECT_EQ(floats(read_one("F16", bytes_of<uint16_t>({0x3C00, 0xC000, 0x0001}), 3)),
            (std::vector<float>{1, -2, 0x1p-24f}));
  EXPECT_EQ(floats(read_one("BF16", bytes_of<uint16_t>({0x3F80, 0xC040}), 2)),
            (std::vector<float>{1, -3}));
  EXPECT_EQ(ints(read_one("I64", bytes_of<int64_t>({-5, 1 << 30}), 2)),
            (std::vector<int32_t>{-5, 1 << 30}));
  EXPECT_EQ(ints(read_one("I16", bytes_of<int16_t>({-5}), 1)), std::vector<int32_t>{-5});
  EXPECT_EQ(ints(read_one("I8", bytes_of<int8_t>({-5}), 1)), std::vector<int32_t>{-5});
  EXPECT_EQ(ints(read_one("U64", bytes_of<uint64_t>({5}), 1)), std::vector<int32_t>{5});
  EXPECT_EQ(ints(read_one("U32", bytes_of<uint32_t>({5}), 1)), std::vector<int32_t>{5});
  EXPECT_EQ(ints(read_one("U16", bytes_of<uint16_t>({65535}), 1)), std::vector<int32_t>{65535});
  EXPECT_EQ(ints(read_one("U8", bytes_of<uint8_t>({255}), 1)), std::vector<int32_t>{255});
  EXPECT_EQ(ints(read_one("BOOL", bytes_of<uint8_t>({0, 1}), 2)), (std::vector<int32_t>{0, 1}));
  EXPECT_SAYS(read_one("I64", bytes_of<int64_t>({int64_t{1} << 40}), 1),
              "an element is 1099511627776; wanted integers of 32 bits");
  EXPECT_SAYS(read_one("U32", bytes_of<uint32_t>({0x80000000u}), 1), "an element is 2147483648");
}

TEST(Safetensors, HalvesConvertExactlyBothWays) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    ASSERT_EQ(to_f16(from_f16(half)), half) << bits;
    ASSERT_EQ(to_bf16(from_bf16(half)), half) << bits;
  }
  EXPECT_EQ(from_f16(0x7BFF), 65504.0f);
  EXPECT_EQ(from_f16(0x03FF), 1023 * 0x1p-24f);
  EXPECT_TRUE(std::isinf(from_f16(0xFC00)));
  EXPECT_TRUE(std::isnan(from_f16(0x7C01)));
}

TEST(Safetensors, NarrowingRoundsToNearestEven) {
  EXPECT_EQ(to_f16(65519.0f), 0x7BFF);
  EXPECT_EQ(to_f16(65520.0f), 0x7C00);  // half-way to 65536: to even, infinity
  EXPECT_EQ(to_f16(1 + 0x1p-11f), 0x3C00);
  EXPECT_EQ(to_f16(1 + 3 * 0x1p-11f), 0x3C02);
  EXPECT_EQ(to_f16(0x1p-25f), 0x0000);
  EXPECT_EQ(to_f16(0x1.8p-25f), 0x0001);
  EXPECT_EQ(to_f16(3 * 0x1p-25f), 0x0002);
  EXPECT_EQ(to_f16(-0x1p-26f), 0x8000);
  EXPECT_EQ(to_f16(std::numeric_limits<float>::quiet_NaN()) & 0x7C00, 0x7C00);
  EXPECT_EQ(to_bf16(1 + 0x1p-8f), 0x3F80);
  EXPECT_EQ(to_bf16(1 + 3 * 0x1p-8f), 0x3F82);
  EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()), 0x7F80);
}

TEST(Safetensors, WritesWhatItReads) {
  const TempFolder folder;
  const std::map<std::string, Tensor> tensors = {
      {"weights", Tensor::from({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6})},
      {"an \"odd\" näme", Tensor::from({2}, std::vector<int32_t>{-1, 9})}};
  write_safetensors(folder / "a", tensors, {{"k", "v"}});
  const SafetensorsFile file(folder / "a");
  EXPECT_EQ(floats(file.read("weights")), floats(tensors.at("weights")));
  EXPECT_EQ(ints(file.read("an \"odd\" näme")), ints(tensors.at("an \"odd\" näme")));
  EXPECT_EQ(file.metadata().at("k"), "v");
  write_safetensors(folder / "b", tensors, {{"k", "v"}});
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.at("weights").data.data()) % 4, 0u);
  EXPECT_SAYS(file.at("weight"), "no tensor weight; wanted it | did you mean weights?");
}

TEST(Safetensors, StreamedTensorsMustBeThoseDeclared) {
  const TempFolder folder;
  const fs::path path = folder / "a";
  const Tensor x = Tensor::full({4}, 1);
  const auto open = [&] { return SafetensorsWriter(path, {{"x", StoredType::f32, {2, 2}}}); };
  EXPECT_SAYS(open().write(x), "tensor x was declared F32 [2, 2]; given F32 [4]");
  EXPECT_SAYS(open().commit(), "0 tensors of 1 were written");
  EXPECT_SAYS(SafetensorsWriter(path, {{"x", StoredType::f32, {1}}, {"x", StoredType::f32, {1}}}),
              "declared twice");
  EXPECT_TRUE(fs::is_empty(folder.path()));  // nothing half-written stays
}

TEST(Safetensors, RefusesADamagedHeader) {
  const std::string one = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::string eight(8, '\0');
  EXPECT_SAYS(parse(""), "a.safetensors: 0 bytes; wanted a safetensors file");
  EXPECT_SAYS(parse(bytes_of<uint64_t>({uint64_t{1} << 60})),
              "a header of 1152921504606846976 bytes; wanted at most 100000000");
  EXPECT_SAYS(parse(bytes_of<uint64_t>({~uint64_t{0}})), "a header of 18446744073709551615 bytes");
  EXPECT_SAYS(parse(bytes_of<uint64_t>({50})), "a header of 50 bytes in a file of 8");
  EXPECT_SAYS(parse(file_of("{\"x\"", "")), "the header is not JSON from its byte 5");
  EXPECT_SAYS(parse(file_of("[]", "")), "the header is no JSON object");
  EXPECT_SAYS(parse(file_of("\xff\xfe", "")), "the header is not JSON");
  EXPECT_SAYS(parse(file_of(R"({"x":{"dtype":[[[]]]}})", "")), "nests too deeply");
  EXPECT_SAYS(parse(file_of(std::string(1 << 20, '['), "")), "nests too deeply");
  EXPECT_SAYS(parse(file_of(one, eight.substr(1))), "data_offsets [0,8] in 7 bytes of elements");
  EXPECT_SAYS(parse(file_of(one, eight + "x")), "1 bytes after the last tensor; wanted none");
  EXPECT_EQ(parse(file_of(one, eight)).tensors.size(), 1u);
}

std::string refusal(const std::string& tensor, size_t elements = 8) {
  return error_of([&] { parse(file_of("{" + tensor + "}", std::string(elements, '\0'))); });
}

TEST(Safetensors, RefusesADamagedTensor) {
  using testing::has;
  const std::string good = R"("x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_EQ(refusal(good), "");
  EXPECT_TRUE(has(refusal(good + "," + good), "\"x\" is there twice; wanted every name once"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F32","dtype":"F32"})"), "\"dtype\" is there twice"));
  EXPECT_TRUE(has(refusal(R"("x":3)"), "tensor x: no dtype"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F33","shape":[2],"data_offsets":[0,8]})"),
                  "tensor x: dtype is \"F33\"; wanted one of F64 F32"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F32","shape":2,"data_offsets":[0,8]})"),
                  "shape is 2; wanted an array"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
                  "shape has -2; wanted integers of at least 0"));
  EXPECT_TRUE(
      has(refusal(R"("x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"), "shape has 2.0"));
  EXPECT_TRUE(
      has(refusal(R"("x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
          "is absurd"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
                  "8 bytes for shape [3] of F32; wanted 12"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F32","shape":[2],"data_offsets":[8]})"),
                  "data_offsets is [8]; wanted [begin, end]"));
  EXPECT_TRUE(has(refusal(R"("x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
                  "data_offsets [8,0] in 8 bytes"));
  EXPECT_TRUE(has(refusal(R"("__metadata__":{"a":1})", 0), "__metadata__ has 1 for a"));
  EXPECT_TRUE(has(refusal(R"("__metadata__":[])", 0), "__metadata__ is no object"));
  const std::string y = R"(,"y":{"dtype":"F32","shape":[1],"data_offsets":)";
  EXPECT_TRUE(has(refusal(good + y + "[4,8]}"), "tensor y begins at byte 4, within another"));
  EXPECT_TRUE(has(refusal(good + y + "[12,16]}", 16), "nothing is said of the bytes before"));
}

TEST(Safetensors, AcceptsTensorsWithoutElements) {
  const std::string file = file_of(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                   R"("a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},)"
                                   R"("z":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}})",
                                   bytes_of<float>({1}));
  EXPECT_EQ(parse(file).tensors.size(), 3u);
}

// Whatever is cut off or changed, reading ends in tensors within the file or in an Error.
TEST(Safetensors, SurvivesEveryTruncationAndBitFlip) {
  const TempFolder folder;
  write_safetensors(folder / "a", {{"x", Tensor::full({2, 2}, 3)}, {"y", Tensor::full({3}, 4)}});
  const std::string file = read_file(folder / "a");
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(error_of([&] { parse(file.substr(0, size)); }), "") << size;
  int accepted = 0;
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const std::string error = error_of([&] {
      for (const StoredTensor& t : parse(damaged).tensors) read_tensor(t);
    });
    accepted += error.empty();
  }
  // Damage to elements and names cannot be seen here: the checkpoint's digest sees it.
  EXPECT_GE(accepted, 7 * 4 * 8);
}

TEST(Safetensors, PlansShards) {
  const std::vector<TensorHeader> tensors = {{"a", StoredType::f32, {2}},
                                             {"b", StoredType::f32, {2}},
                                             {"c", StoredType::f32, {5}},
                                             {"d", StoredType::f32, {1}}};
  const auto one = plan_shards(tensors, 40);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].file, "model.safetensors");
  const auto three = plan_shards(tensors, 16);
  ASSERT_EQ(three.size(), 3u);
  EXPECT_EQ(three[0].tensors.size(), 2u);
  EXPECT_EQ(three[1].tensors[0].name, "c");  // larger than the limit, alone
  EXPECT_EQ(three[2].file, "model-00003-of-00003.safetensors");
}

class ShardedSafetensors : public ::testing::Test {
 protected:
  void SetUp() override {
    write_safetensors(folder_ / "one.safetensors", {{"a", Tensor::full({2}, 1)}});
    write_safetensors(folder_ / "two.safetensors", {{"b", Tensor::full({2}, 2)}});
    write_index(R"({"a":"one.safetensors","b":"two.safetensors"})");
  }
  void write_index(const std::string& map) {
    write_bytes(folder_ / "model.safetensors.index.json", R"({"weight_map":)" + map + "}");
  }
  TempFolder folder_;
};

TEST_F(ShardedSafetensors, ReadsWhatTheIndexLists) {
  const SafetensorsFolder model(folder_.path());
  EXPECT_EQ(model.files().size(), 2u);
  EXPECT_EQ(floats(read_tensor(*model.find("b"))), (std::vector<float>{2, 2}));
  EXPECT_EQ(model.find("c"), nullptr);
}

TEST_F(ShardedSafetensors, RefusesAnIndexThatDoesNotFit) {
  const auto open = [&](const std::string& map) {
    write_index(map);
    return error_of([&] { SafetensorsFolder model(folder_.path()); });
  };
  using testing::has;
  EXPECT_TRUE(has(open(R"({"a":"one.safetensors"})"), "") &&
              open(R"({"a":"one.safetensors"})").empty());
  EXPECT_TRUE(has(open(R"({"a":"one.safetensors","c":"two.safetensors"})"),
                  "two.safetensors: tensor b is not in model.safetensors.index.json"));
  EXPECT_TRUE(has(open(R"({"a":"two.safetensors","b":"two.safetensors"})"), "no tensor a; "));
  EXPECT_TRUE(has(open(R"({"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"})"),
                  "two.safetensors: no tensor c; model.safetensors.index.json wants it there"));
  EXPECT_TRUE(has(open(R"({"a":"../one.safetensors"})"), "wanted the name of a file beside"));
  EXPECT_TRUE(has(
      open(R"({"a":"three.safetensors"})"),
      ": no three.safetensors; model.safetensors.index.json lists 1 shards and wants all of them"));
  EXPECT_TRUE(has(open(R"({"a":1})"), "a is 1; wanted a string"));
  EXPECT_TRUE(has(open("[]"), "weight_map is []; wanted an object"));
}

TEST(SafetensorsFolders, SaysWhatIsMissing) {
  const TempFolder folder;
  EXPECT_SAYS(SafetensorsFolder(folder.path()), "no model.safetensors and no model.safetensors");
  write_bytes(folder / "pytorch_model.bin", "x");
  EXPECT_SAYS(SafetensorsFolder(folder.path()), "safe_serialization=True");
}

}  // namespace
}  // namespace lineage
