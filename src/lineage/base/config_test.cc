#include "lineage/base/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/base/rng.h"

namespace lineage {
namespace {

enum class Norm { layer, rms };
constexpr std::array<std::string_view, 2> enum_names(Norm) { return {"layer", "rms"}; }

struct Model {
  int64_t layers = 12;
  double dropout = 0;
  Norm norm = Norm::layer;
};
template <class V>
void fields(V& v, Model& c) {
  v("layers", c.layers, "number of transformer blocks", at_least(1));
  v("dropout", c.dropout, "share of activations dropped", from_to_below(0, 1));
  v("norm", c.norm, "the normalisation");
}

struct Source {
  std::string name, path;
  double weight = 1;
  std::vector<std::string> include;
};
template <class V>
void fields(V& v, Source& c) {
  v("name", c.name, "what the report calls it");
  v("path", c.path, "file or folder");
  v("weight", c.weight, "share of the mixture", above(0));
  v("include", c.include, "globs");
}

struct Train {
  int64_t batch_size = 8;
  double lr = 3e-4;
  std::vector<double> betas = {0.9, 0.95};
  std::vector<int64_t> milestones;
};
template <class V>
void fields(V& v, Train& c) {
  v("batch_size", c.batch_size, "rows a step");
  v("lr", c.lr, "peak learning rate");
  v("betas", c.betas, "AdamW's decay rates", from_to_below(0, 1));
  v("milestones", c.milestones, "steps at which a checkpoint stays");
}

struct Recipe {
  std::string title = "tree";
  uint64_t seed = 1;
  bool resume = true;
  Model model;
  Train train;
  std::vector<Source> sources = {{"books", "books.txt", 2, {}}};
  std::map<std::string, Train> nodes;
  std::map<std::string, double> weights = {{"a|b", 0.5}};
};
template <class V>
void fields(V& v, Recipe& c) {
  v("title", c.title, "heads the report");
  v("seed", c.seed, "of every draw");
  v("resume", c.resume, "");
  v("model", c.model, "the network");
  v("train", c.train, "how it learns");
  v("sources", c.sources, "what it reads");
  v("nodes", c.nodes, "");
  v("weights", c.weights, "a|b");
}

ConfigNode parse(std::string_view toml) { return ConfigNode::parse(toml, "r.toml"); }
Recipe read(std::string_view toml) { return read_config<Recipe>(parse(toml)); }

template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}
std::string read_error(std::string_view toml) {
  return error_of([&] { read(toml); });
}
std::string set_error(std::string_view toml, std::string_view assignment) {
  return error_of([&] {
    ConfigNode node = parse(toml);
    node.set(assignment);
    read_config<Recipe>(node);
  });
}

TEST(Config, ReadsEveryKindOfField) {
  const Recipe r = read(R"(
title = "t\u00e9"
seed = 7
resume = false
weights = { b = 1, a = 2.5 }
[model]
layers = 6
norm = "rms"
[[sources]]
path = "a"
include = ["*.py", "*.c"]
[[sources]]
weight = 3
[nodes.base]
lr = 1
milestones = [1, 2]
)");
  EXPECT_EQ(r.title, "t\xC3\xA9");
  EXPECT_EQ(r.seed, 7u);
  EXPECT_FALSE(r.resume);
  EXPECT_EQ(r.model.layers, 6);
  EXPECT_EQ(r.model.norm, Norm::rms);
  EXPECT_EQ(r.model.dropout, 0);  // keeps its default
  ASSERT_EQ(r.sources.size(), 2u);
  EXPECT_EQ(r.sources[0].path, "a");
  EXPECT_EQ(r.sources[0].weight, 1);  // a new entry starts from the struct's defaults
  EXPECT_EQ(r.sources[0].include, (std::vector<std::string>{"*.py", "*.c"}));
  EXPECT_EQ(r.sources[1].weight, 3);  // an integer will do for a double
  EXPECT_EQ(r.nodes.at("base").lr, 1);
  EXPECT_EQ(r.nodes.at("base").milestones, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(r.weights, (std::map<std::string, double>{{"a", 2.5}, {"b", 1}}));
}

struct Optional {
  std::optional<Model> model;
  std::vector<Norm> norms = {Norm::rms};
};
template <class V>
void fields(V& v, Optional& c) {
  v("model", c.model, "may be absent");
  v("norms", c.norms, "some");
}

TEST(Config, AnOptionalTableIsThereOrNot) {
  const auto read = [](std::string_view toml) { return read_config<Optional>(parse(toml)); };
  EXPECT_FALSE(read("").model);
  EXPECT_EQ(to_toml(read("")), "norms = [\"rms\"]\n");
  EXPECT_EQ(read("[model]").model->layers, 12);
  EXPECT_EQ(read("[model]\nlayers = 3").model->layers, 3);
  EXPECT_EQ(to_toml(read("[model]\nlayers = 3")),
            "norms = [\"rms\"]\n\n[model]\nlayers = 3\ndropout = 0.0\nnorm = \"layer\"\n");
  EXPECT_EQ(error_of([&] { read("[model]\nlayer = 3"); }),
            "r.toml:2: unknown key model.layer; did you mean model.layers?");
  EXPECT_EQ(error_of([&] { read("model = 3"); }), "r.toml:1: model is 3; wanted a table");
  Optional wrong;
  wrong.model.emplace().layers = 0;
  EXPECT_EQ(error_of([&] { check_ranges(wrong, "here: "); }),
            "here: model.layers is 0; wanted an integer of at least 1");
  std::vector<std::string> paths;
  for (const ConfigKey& key : config_keys<Optional>()) paths.push_back(key.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"model", "model.layers", "model.dropout", "model.norm",
                                             "norms"}));
  EXPECT_NE(config_reference<Optional>().find("| `model`         | table, may be absent "),
            std::string::npos)
      << config_reference<Optional>();
}

TEST(Config, AnArrayOfNamesHasTheNamesOfItsEnum) {
  const auto read = [](std::string_view toml) { return read_config<Optional>(parse(toml)).norms; };
  EXPECT_EQ(read("norms = [\"layer\", \"rms\"]"), (std::vector{Norm::layer, Norm::rms}));
  EXPECT_EQ(read("norms = \"layer\""), std::vector{Norm::layer});
  EXPECT_TRUE(read("norms = []").empty());
  EXPECT_EQ(error_of([&] { read("norms = [\"rms\", \"lair\"]"); }),
            "r.toml:1: norms.1 is \"lair\"; wanted one of layer, rms");
  EXPECT_NE(config_reference<Optional>().find("| array of layer, rms "), std::string::npos);
}

TEST(Config, AnEmptyArrayOrMapReplacesTheDefault) {
  EXPECT_EQ(read("").sources.size(), 1u);
  EXPECT_TRUE(read("sources = []").sources.empty());
  EXPECT_TRUE(read("[weights]").weights.empty());
}

TEST(Config, ParseErrorsNameFileLineAndColumn) {
  const std::string what = read_error("a = 1\nb = = 2\n");
  EXPECT_TRUE(what.starts_with("r.toml:2:5: ")) << what;
  EXPECT_TRUE(read_error("a = 1\na = 2\n").starts_with("r.toml:2:")) << read_error("a=1\na=2");
  EXPECT_TRUE(read_error("a = \"\xff\"").starts_with("r.toml:1:"));
  EXPECT_EQ(read_error("\n" + std::string(2000, '.')),
            "r.toml:2: more than 1000 dots in one line; wanted a recipe");
}

TEST(Config, UnknownKeysNameTheNearest) {
  EXPECT_EQ(read_error("[train]\n\nbatchsize = 3"),
            "r.toml:3: unknown key train.batchsize; did you mean train.batch_size?");
  EXPECT_EQ(read_error("[trian]"), "r.toml:1: unknown key trian; did you mean train?");
  EXPECT_EQ(read_error("model.zzz = 1"),
            "r.toml:1: unknown key model.zzz; wanted one of layers, dropout, norm");
  EXPECT_EQ(read_error("[[sources]]\n[[sources]]\nwieght=1"),
            "r.toml:3: unknown key sources.1.wieght; did you mean sources.1.weight?");
  EXPECT_EQ(read_error("[nodes.\"a.b\"]\nLR=1"),
            "r.toml:2: unknown key nodes.\"a.b\".LR; did you mean nodes.\"a.b\".lr?");
}

TEST(Config, TypeErrorsShowTheValue) {
  EXPECT_EQ(read_error("[model]\n\nlayers = \"six\""),
            "r.toml:3: model.layers is \"six\"; wanted an integer of at least 1");
  EXPECT_EQ(read_error("train.batch_size = 1.5"),
            "r.toml:1: train.batch_size is 1.5; wanted an integer");
  EXPECT_EQ(read_error("train.lr = true"), "r.toml:1: train.lr is true; wanted a number");
  EXPECT_EQ(read_error("train.lr = nan"), "r.toml:1: train.lr is nan; wanted a finite number");
  EXPECT_EQ(read_error("train.lr = -inf"), "r.toml:1: train.lr is -inf; wanted a finite number");
  EXPECT_EQ(read_error("train.lr = [1]"), "r.toml:1: train.lr is an array; wanted a number");
  EXPECT_EQ(read_error("title = 3"), "r.toml:1: title is 3; wanted a string");
  EXPECT_EQ(read_error("title = 2020-01-02"),
            "r.toml:1: title is the date 2020-01-02; wanted a string");
  EXPECT_EQ(read_error("resume = \"yes\""), "r.toml:1: resume is \"yes\"; wanted true or false");
  EXPECT_EQ(read_error("model = 3"), "r.toml:1: model is 3; wanted a table");
  EXPECT_EQ(read_error("sources = 3"), "r.toml:1: sources is 3; wanted an array of tables");
  EXPECT_EQ(read_error("sources = [3]"), "r.toml:1: sources.0 is 3; wanted a table");
  EXPECT_EQ(read_error("[sources]"), "r.toml:1: sources is a table; wanted an array of tables");
  EXPECT_EQ(read_error("train.betas = {}"), "r.toml:1: train.betas is a table; wanted an array");
  EXPECT_EQ(read_error("[train]\nbetas = [0.9,\n\"x\"]"),
            "r.toml:3: train.betas.1 is \"x\"; wanted a number of at least 0, below 1");
  EXPECT_EQ(read_error("title = [\"" + std::string(99, 'a') + "\"]"),
            "r.toml:1: title is an array; wanted a string");
  EXPECT_EQ(read_error("resume = \"" + std::string(99, 'a') + "\""),
            "r.toml:1: resume is \"" + std::string(60, 'a') + "\"…; wanted true or false");
}

TEST(Config, HintsSayHowToWriteIt) {
  const auto hint_of = [](std::string_view toml) -> std::string {
    try {
      read(toml);
    } catch (const Error& e) {
      return e.hint();
    }
    return "no error";
  };
  EXPECT_EQ(hint_of("title = 3"), "put it in quotes");
  EXPECT_EQ(hint_of("model.layers = 1.5"),
            "write 10_000_000, 1e7 or \"10M\"; k, M, G or B, and T are powers of ten");
  EXPECT_EQ(hint_of("sources = 3"), "write its header as [[sources]]");
  EXPECT_EQ(hint_of("title = [\"x\"]"), "write one string, without brackets");
  EXPECT_EQ(hint_of("resume = \"True\""), "write it in lower case, without quotes");
  EXPECT_EQ(hint_of("model.norm = \"rmsnorm\""), "did you mean \"rms\"?");
  EXPECT_EQ(hint_of("model = \"rms\""), "model.norm = \"rms\"");
  EXPECT_EQ(hint_of("model = \"gpt\""),
            "write [model], and below it its keys: layers, dropout, norm");
  EXPECT_EQ(hint_of("nodes.lr = 3"), "each has a name of its own: [nodes.NAME], and lr below it");
}

TEST(Config, RangesAndChoicesAreChecked) {
  EXPECT_EQ(read_error("model.layers = 0"),
            "r.toml:1: model.layers is 0; wanted an integer of at least 1");
  EXPECT_EQ(read_error("model.dropout = 1"),
            "r.toml:1: model.dropout is 1; wanted a number of at least 0, below 1");
  EXPECT_EQ(read_error("[[sources]]\nweight = 0.0"),
            "r.toml:2: sources.0.weight is 0.0; wanted a number above 0");
  EXPECT_EQ(read_error("seed = -1"), "r.toml:1: seed is -1; wanted an integer of at least 0");
  EXPECT_EQ(read_error("seed = \"18446744073709551616\""),
            "r.toml:1: seed is \"18446744073709551616\"; wanted an integer of at least 0");
  EXPECT_EQ(read_error("model.norm = \"batch\""),
            "r.toml:1: model.norm is \"batch\"; wanted one of layer, rms");
  EXPECT_EQ(read_error("model.norm = 1"), "r.toml:1: model.norm is 1; wanted one of layer, rms");
  EXPECT_EQ(between(0, 1).text(), "from 0 to 1");
  EXPECT_EQ((Range{.high = 2}.text()), "at most 2");
  EXPECT_EQ(from_above_to(0, 1).text(), "above 0, at most 1");
  for (const double x : {std::nan(""), double{INFINITY}, -double{INFINITY}}) {
    EXPECT_FALSE(at_least(0).contains(x));
    EXPECT_FALSE(Range().contains(x));
  }
}

TEST(Config, NumbersAreReadAsPeopleWriteThem) {
  const auto batch = [](const std::string& value) {
    return read("train.batch_size = " + value).train.batch_size;
  };
  EXPECT_EQ(batch("\"10M\""), 10'000'000);
  EXPECT_EQ(batch("1e7"), 10'000'000);
  EXPECT_EQ(batch("6.4e1"), 64);
  EXPECT_EQ(batch("\"1_000\""), 1000);
  EXPECT_EQ(batch("\"64k\""), 64'000);
  EXPECT_EQ(batch("\"1.5B\""), 1'500'000'000);
  EXPECT_EQ(batch("\"1.5G\""), 1'500'000'000);
  EXPECT_EQ(batch("\"2T\""), 2'000'000'000'000);
  EXPECT_EQ(batch("\"2.5e3\""), 2500);
  EXPECT_EQ(batch("\"-3\""), -3);
  EXPECT_EQ(batch("\"0.000k\""), 0);
  EXPECT_EQ(batch("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(batch("\"9223372036854775807\""), std::numeric_limits<int64_t>::max());
  for (const char* value : {"\"1.5\"",
                            "\"0.5e0\"",
                            "\"10m\"",
                            "\"10 M\"",
                            "\"M\"",
                            "\"\"",
                            "\".\"",
                            "\"1__0\"",
                            "\"1_\"",
                            "\"64KiB\"",
                            "\"1e\"",
                            "\"1e-1\"",
                            "\"inf\"",
                            "\"0x10\"",
                            "1e300",
                            "9007199254740994.0",
                            "\"9223372036854775808\"",
                            "\"1e99999999999\"",
                            "inf",
                            "nan"})
    EXPECT_NE(read_error(std::string("train.batch_size = ") + value).find("wanted an integer"),
              std::string::npos)
        << value;

  EXPECT_EQ(read("train.lr = \"3e-4\"").train.lr, 3e-4);
  EXPECT_EQ(read("train.lr = \"-0.1\"").train.lr, -0.1);
  EXPECT_EQ(read("seed = 1e6").seed, 1'000'000u);
  for (const char* value : {"\"3e\"", "\"x\"", "\"1e999\"", "\"inf\"", "\"nan\"", "true"})
    EXPECT_NE(read_error(std::string("train.lr = ") + value).find("wanted a number"),
              std::string::npos)
        << value;

  ConfigNode node = parse("");
  node.set("train.batch_size=10M");
  EXPECT_EQ(read_config<Recipe>(node).train.batch_size, 10'000'000);
}

TEST(Config, OneValueIsAnArrayOfOne) {
  EXPECT_EQ(read("train.betas = 0.5").train.betas, (std::vector<double>{0.5}));
  EXPECT_EQ(read("[[sources]]\ninclude = \"*.py\"").sources[0].include,
            (std::vector<std::string>{"*.py"}));
  EXPECT_EQ(read_error("train.betas = 2"),
            "r.toml:1: train.betas is 2; wanted a number of at least 0, below 1");
}

TEST(Config, WhatDoesNotParseSaysWhatWould) {
  const auto help = [](const std::string& line) -> std::string {
    try {
      parse("# first\r\n" + line + "\r\n");
    } catch (const Error& e) {
      EXPECT_TRUE(std::string(e.what()).starts_with("r.toml:2:")) << e.what();
      return e.hint();
    }
    return "no error";
  };
  EXPECT_EQ(help("tokens = 10M"), "put a number with a letter in quotes: tokens = \"10M\"");
  EXPECT_EQ(help("tokens = 1.5B # all"), "put a number with a letter in quotes: tokens = \"1.5B\"");
  EXPECT_EQ(help("tokens = 10,000,000"), "tokens = 10_000_000");
  EXPECT_EQ(help("lr = .1"), "put a number in this form in quotes: lr = \".1\"");
  EXPECT_EQ(help("tied = True"), "tied = true");
  EXPECT_EQ(help("tied = no"), "tied = false");
  EXPECT_EQ(help("path = None"), "leave path out: its default is taken");
  EXPECT_EQ(help("kind = muon"), "put text in quotes: kind = \"muon\"");
  EXPECT_EQ(help("path = ~/books"), "put text in quotes: path = \"~/books\"");
  EXPECT_EQ(help("tokens: 3"), "TOML writes key = value");
  EXPECT_EQ(help("tokens ="), "a value is missing behind tokens =");
  EXPECT_EQ(help("a = [1, 2"), "");
}

TEST(Config, AFileOfAnotherKindIsNamed) {
  const std::string file = ::testing::TempDir() + "config_test." + std::to_string(::getpid());
  const auto loaded = [&](const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
    return error_of([&] { read_config<Recipe>(ConfigNode::load(file)); });
  };
  EXPECT_EQ(loaded("\xEF\xBB\xBFtitle = \"t\"\r\nseed = 2\r\n"), "no error");
  EXPECT_EQ(loaded("[model]\nlayers = 1\n"), "no error");
  EXPECT_EQ(loaded("{\n  \"seed\": 1\n}\n"),
            file + ": is " + std::string(file_kind_name(FileKind::json_pretty)) +
                "; wanted a recipe in TOML");
  EXPECT_EQ(
      loaded(std::string("\xFF\xFEs\0e\0", 6)),
      file + ": is " + std::string(file_kind_name(FileKind::utf16)) + "; wanted a recipe in TOML");
  std::filesystem::remove(file);
}

TEST(Config, KeysAreListedWithWhatTheyAre) {
  std::vector<std::string> said;
  for (const ConfigKey& key : config_keys<Recipe>())
    said.push_back(key.path + (key.table ? " table" : "") + (key.number ? " number" : "") +
                   (key.names.empty() ? "" : " " + std::string(key.names[1])));
  EXPECT_EQ(said, (std::vector<std::string>{"title",
                                            "seed number",
                                            "resume",
                                            "model table",
                                            "model.layers number",
                                            "model.dropout number",
                                            "model.norm rms",
                                            "train table",
                                            "train.batch_size number",
                                            "train.lr number",
                                            "train.betas number",
                                            "train.milestones number",
                                            "sources table",
                                            "sources.N table",
                                            "sources.N.name",
                                            "sources.N.path",
                                            "sources.N.weight number",
                                            "sources.N.include",
                                            "nodes table",
                                            "nodes.NAME table",
                                            "nodes.NAME.batch_size number",
                                            "nodes.NAME.lr number",
                                            "nodes.NAME.betas number",
                                            "nodes.NAME.milestones number",
                                            "weights table",
                                            "weights.NAME number"}));
}

TEST(Config, RangesHoldForConfigsFromElsewhereToo) {
  const auto error = [](const auto& change) {
    Recipe r;
    change(r);
    return error_of([&] { check_ranges(r, "here: "); });
  };
  EXPECT_EQ(error([](Recipe&) {}), "no error");
  EXPECT_EQ(error([](Recipe& r) { r.model.layers = 0; }),
            "here: model.layers is 0; wanted an integer of at least 1");
  EXPECT_EQ(error([](Recipe& r) { r.train.lr = std::nan(""); }),
            "here: train.lr is nan; wanted a finite number");
  EXPECT_EQ(error([](Recipe& r) { r.train.betas[1] = 1; }),
            "here: train.betas.1 is 1; wanted a number of at least 0, below 1");
  EXPECT_EQ(error([](Recipe& r) { r.sources[0].weight = 0; }),
            "here: sources.0.weight is 0; wanted a number above 0");
  EXPECT_EQ(error([](Recipe& r) { r.weights["x"] = INFINITY; }),
            "here: weights.x is inf; wanted a finite number");
  EXPECT_EQ(error([](Recipe& r) { r.nodes["x"].lr = -INFINITY; }),
            "here: nodes.x.lr is -inf; wanted a finite number");
}

TEST(Config, StringsAreChangedByTheirKey) {
  ConfigNode node =
      parse("a = \"x\"\n[s.one]\npaths = [\"p\", \"q\"]\n[s.two]\npaths = \"r\"\nn = 1");
  const auto star = [](const std::string& text, const std::string& place) {
    return text + "@" + place;
  };
  node.change_strings("s.NAME.paths", star);
  node.change_strings("s.NAME.n", star);
  node.change_strings("no.such", star);
  EXPECT_EQ(node.toml(),
            "a = \"x\"\n\n[s.one]\npaths = [\"p@r.toml:3\", \"q@r.toml:3\"]\n\n[s.two]\n"
            "paths = \"r@r.toml:5\"\nn = 1\n");
}

TEST(Config, KeysAreRenamed) {
  ConfigNode node = parse("a = 1\n[s]\nold = \"x\"\nn = 1");
  const ConfigNode before = node;
  EXPECT_TRUE(node.rename("s.old", "recent"));
  EXPECT_EQ(node.toml(), "a = 1\n\n[s]\nrecent = \"x\"\nn = 1\n");
  EXPECT_EQ(node.child("s").place("recent"), "r.toml:3: s.recent");
  for (const char* absent : {"s.old", "old", "a.old", "t.old"})
    EXPECT_FALSE(node.rename(absent, "other")) << absent;
  EXPECT_EQ(before.toml(), "a = 1\n\n[s]\nold = \"x\"\nn = 1\n") << "a copy";
}

TEST(Config, SetOverrides) {
  ConfigNode node =
      parse("[model]\nlayers = 2\n[[sources]]\nname = \"a\"\n[[sources]]\nname = \"b\"");
  const ConfigNode before = node;
  node.set("model.layers=6");
  node.set("train.lr = 1e-3");  // makes the table
  node.set("sources.0.weight=2");
  node.set("sources.b.weight=3");
  node.set("sources.1.path=/tmp/a b#c");  // not TOML: a bare string
  node.set("title=2020-01-02");           // nor is a date wanted anywhere
  node.set("nodes.\"a.b\".milestones=[1, 2]");
  const Recipe r = read_config<Recipe>(node);
  EXPECT_EQ(r.model.layers, 6);
  EXPECT_EQ(r.train.lr, 1e-3);
  EXPECT_EQ(r.sources[0].weight, 2);
  EXPECT_EQ(r.sources[1].weight, 3);
  EXPECT_EQ(r.sources[1].path, "/tmp/a b#c");
  EXPECT_EQ(r.title, "2020-01-02");
  EXPECT_EQ(r.nodes.at("a.b").milestones, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(read_config<Recipe>(before).model.layers, 2) << "a copy changed with its original";

  node.set("title=");
  EXPECT_EQ(read_config<Recipe>(node).title, "");
  node.set("title=x\ny = 3");  // a second line is part of the string, not another key
  EXPECT_EQ(read_config<Recipe>(node).title, "x\ny = 3");
  node.set("title=1\ny = 3");
  EXPECT_EQ(read_config<Recipe>(node).title, "1\ny = 3");
}

TEST(Config, SetErrorsNameTheAssignment) {
  EXPECT_EQ(set_error("", "train.batchsize=1"),
            "--set train.batchsize=1: unknown key train.batchsize; did you mean train.batch_size?");
  EXPECT_EQ(set_error("", "trian.lr=1"),
            "--set trian.lr=1: unknown key trian; did you mean train?");
  EXPECT_EQ(set_error("", "model.layers=six"),
            "--set model.layers=six: model.layers is \"six\"; wanted an integer of at least 1");
  EXPECT_EQ(set_error("", "train"),
            "--set train: no key and value; wanted key=value, as in pretrain.batch_tokens=8192");
  EXPECT_EQ(set_error("", "a..b=1"),
            "--set a..b=1: an empty key; wanted key=value, as in pretrain.batch_tokens=8192");
  EXPECT_EQ(set_error("title = \"x\"", "title.a=1"),
            "--set title.a=1: title is \"x\" (r.toml:1); wanted a table");
  EXPECT_EQ(set_error("[[sources]]", "sources.1.weight=2"),
            "--set sources.1.weight=2: sources has 1 entries, numbered from 0; wanted one of them, "
            "not 1");
  EXPECT_EQ(set_error("[[sources]]", "sources.books.weight=2"),
            "--set sources.books.weight=2: no entry of sources has the name books; wanted an index "
            "or a name");
}

TEST(Config, MergeUnderFillsWhatIsMissing) {
  ConfigNode node = parse("[model]\nlayers = 2\n[train]\nbetas = [0.5]");
  node.merge_under(ConfigNode::parse(
      "title = \"base\"\n[model]\nlayers = 9\ndropout = 0.5\nx = 1\n[train]\nbetas = [0.1, 0.2]",
      "base.toml"));
  EXPECT_EQ(error_of([&] { read_config<Recipe>(node); }),
            "base.toml:5: unknown key model.x; wanted one of layers, dropout, norm");
  node = parse("[model]\nlayers = 2");
  node.merge_under(parse("title = \"base\"\n[model]\nlayers = 9\ndropout = 0.5"));
  const Recipe r = read_config<Recipe>(node);
  EXPECT_EQ(r.title, "base");
  EXPECT_EQ(r.model.layers, 2);
  EXPECT_EQ(r.model.dropout, 0.5);
}

TEST(Config, ExtendKeepsTheOrderOfTheBase) {
  ConfigNode node = parse("[nodes.new]\n[nodes.b]\nx = 2\ny = 3\n[own]\n");
  node.extend(parse("[nodes.a]\nx = 1\n[nodes.b]\nz = 0\nx = 1\n"));
  EXPECT_EQ(node.toml(),
            "[nodes.a]\nx = 1\n\n[nodes.b]\nz = 0\nx = 2\ny = 3\n\n[nodes.new]\n\n[own]\n");
}

TEST(Config, ADocumentIsWrittenAsToml) {
  const std::string toml = R"(title = "a \"b\""
list = [1, 2.5, true, "x"]
on = 2020-01-31

[model]
layers = 2

[nodes.a]

[nodes.b.mixture]
"two words" = 0.5
)";
  EXPECT_EQ(parse(toml).toml(), toml);
  ConfigNode node = parse("a.b = {c = 1}\nz = [{q = 1}]");
  node.set("a.b.d=[]");
  EXPECT_EQ(node.toml(), "z = [{q = 1}]\n\n[a.b]\nc = 1\nd = []\n");
  EXPECT_EQ(parse("").toml(), "");
}

TEST(Config, KeysKeepTheOrderOfTheFile) {
  const ConfigNode node = parse("z = 1\nb.c = 2\n[nodes.second]\nq=1\na=2\n[nodes.first]\n[a]");
  EXPECT_EQ(node.keys(), (std::vector<std::string>{"z", "b", "nodes", "a"}));
  EXPECT_EQ(node.child("nodes").keys(), (std::vector<std::string>{"second", "first"}));
  EXPECT_EQ(node.child("nodes").child("second").keys(), (std::vector<std::string>{"q", "a"}));
}

TEST(Config, NodesKnowTheirPlace) {
  const ConfigNode node = parse("title = 1\n[train]\nlr = 2");
  EXPECT_TRUE(node.has("train"));
  EXPECT_FALSE(node.has("lr"));
  EXPECT_EQ(node.place(), "r.toml");
  EXPECT_EQ(node.place("train"), "r.toml:2: train");
  EXPECT_EQ(node.child("train").place(), "r.toml:2: train");
  EXPECT_EQ(node.child("train").place("lr"), "r.toml:3: train.lr");
  EXPECT_EQ(node.child("train").place("absent"), "r.toml:2: train.absent");
  EXPECT_EQ(error_of([&] { node.child("model"); }), "r.toml: no table model; wanted one");
  EXPECT_EQ(error_of([&] { node.child("title"); }), "r.toml:1: title is 1; wanted a table");
  EXPECT_EQ(error_of([] { ConfigNode::load("/nonexistent/r.toml"); }),
            "/nonexistent/r.toml: cannot open: No such file or directory");
}

TEST(Config, CanonicalTomlSaysEveryField) {
  Recipe r;
  r.nodes["two words"].lr = 1;
  r.sources.push_back({"q\"\n\x01", "", 1, {"a"}});
  EXPECT_EQ(to_toml(r), R"(title = "tree"
seed = 1
resume = true

[model]
layers = 12
dropout = 0.0
norm = "layer"

[train]
batch_size = 8
lr = 0.0003
betas = [0.9, 0.95]
milestones = []

[[sources]]
name = "books"
path = "books.txt"
weight = 2.0
include = []

[[sources]]
name = "q\"\n\u0001"
path = ""
weight = 1.0
include = ["a"]

[nodes]

[nodes."two words"]
batch_size = 8
lr = 1.0
betas = [0.9, 0.95]
milestones = []

[weights]
"a|b" = 0.5
)");
}

enum class Form { plain, other };
constexpr std::array<std::string_view, 2> enum_names(Form) { return {"plain", "other"}; }
struct Extra {
  int64_t size = 1;
  bool operator==(const Extra&) const = default;
};
template <class V>
void fields(V& v, Extra& c) {
  v("size", c.size, "its size", at_least(1));
}
struct Grown {
  int64_t layers = 1, share = 0;
  Form form = Form::plain;
  Extra extra;
};
template <class V>
void fields(V& v, Grown& c) {
  v("layers", c.layers, "of all versions");
  v("share", c.share, "of later ones", later<int64_t>(0, between(0, 9)));
  v("form", c.form, "of later ones", later(Form::plain));
  v("extra", c.extra, "of later ones", later(Extra()));
}

TEST(Config, LaterFieldsAreWrittenWhereTheyChangeSomething) {
  EXPECT_EQ(to_toml(Grown()), "layers = 1\n");
  const std::string all = "layers = 1\nshare = 2\nform = \"other\"\n\n[extra]\nsize = 3\n";
  EXPECT_EQ(to_toml(Grown{1, 2, Form::other, {3}}), all);
  EXPECT_EQ(to_toml(read_config<Grown>(ConfigNode::parse(all, "a.toml"))), all);
  EXPECT_EQ(read_config<Grown>(ConfigNode::parse("layers = 4", "a.toml")).extra, Extra());
  EXPECT_THROW(read_config<Grown>(ConfigNode::parse("share = 10", "a.toml")), Error);
  EXPECT_THROW(check_ranges(Grown{1, 10, Form::plain, {}}, "a.toml: "), Error);
  EXPECT_NE(config_reference<Grown>().find("extra.size"), std::string::npos);
}

TEST(Config, CanonicalTomlReadsBackToItself) {
  Recipe r;
  r.seed = ~0ull;
  r.model.norm = Norm::rms;
  r.nodes["a.b"].milestones = {std::numeric_limits<int64_t>::min(),
                               std::numeric_limits<int64_t>::max()};
  r.sources.clear();
  r.weights.clear();
  r.title = "\b\f\r\t\x7f\\ \xF0\x9F\x8C\xB3";
  const std::string toml = to_toml(r);
  const Recipe back = read(toml);
  EXPECT_EQ(to_toml(back), toml);
  EXPECT_EQ(back.seed, r.seed);
  EXPECT_EQ(back.title, r.title);
  EXPECT_TRUE(back.sources.empty());
  EXPECT_TRUE(back.weights.empty());
  EXPECT_EQ(back.nodes.at("a.b").milestones, r.nodes["a.b"].milestones);
}

TEST(Config, DoublesReadBackBitForBit) {
  const Rng rng(3);
  Train t;
  std::vector<double> tricky = {-0.0,   5e-324,  2.2250738585072014e-308, 1e23,
                                0.1,    1e-5,    1.7976931348623157e308,  123456789012345678.0,
                                -1e300, 1.0 / 3, 9007199254740993.0};
  for (uint64_t i = 0; i < 2000; ++i) {
    const double x = std::bit_cast<double>(rng.bits(i));
    if (std::isfinite(x)) tricky.push_back(x);
  }
  for (double x : tricky) {
    t.lr = x;
    const double back = read_config<Train>(parse(to_toml(t))).lr;
    EXPECT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(x)) << x;
  }
}

TEST(Config, ReferencePageListsEveryKey) {
  EXPECT_EQ(
      config_reference<Model>(),
      "| key       | type                        | default   | meaning |\n"
      "| --------- | --------------------------- | --------- | ------- |\n"
      "| `layers`  | integer, at least 1         | `12`      | number of transformer blocks |\n"
      "| `dropout` | number, at least 0, below 1 | `0.0`     | share of activations dropped |\n"
      "| `norm`    | layer, rms                  | `\"layer\"` | the normalisation |\n");
  const std::string page = config_reference<Recipe>();
  EXPECT_NE(page.find("| `model.norm` "), std::string::npos) << page;
  EXPECT_NE(page.find("| `sources.N.weight` "), std::string::npos) << page;
  EXPECT_NE(page.find("| `nodes.NAME.lr` "), std::string::npos) << page;
  EXPECT_NE(page.find("| `weights.NAME` "), std::string::npos) << page;
  EXPECT_NE(page.find("| a\\|b "), std::string::npos) << page;
}

TEST(NearestName, FindsCloseOnesOnly) {
  const std::vector<std::string> names = {"batch_size", "lr", "layers", "warmup_steps"};
  EXPECT_EQ(nearest_name("batch-size", names), "batch_size");
  EXPECT_EQ(nearest_name("abtch_size", names), "batch_size");
  EXPECT_EQ(nearest_name("layer", names), "layers");
  EXPECT_EQ(nearest_name("warmup", names), "warmup_steps");
  EXPECT_EQ(nearest_name("l", names), "lr");
  EXPECT_EQ(nearest_name("optimizer", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace lineage
