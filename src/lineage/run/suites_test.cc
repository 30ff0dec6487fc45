#include "lineage/run/suites.h"

#include <gtest/gtest.h>

#include "lineage/base/error.h"
#include "lineage/run/testing.h"

namespace lineage {
namespace {

// A model that was trained in a world; only its manifest counts.
Model model_of(const std::string& world) {
  Model model;
  model.manifest.node = "davinci", model.manifest.world = world;
  return model;
}

class Notes final : public Progress {
 public:
  void update(std::string_view, double, std::string_view) override {}
  void note(std::string_view line) override { text += std::string(line) + "\n"; }
  std::string text;
};

TEST(AbilitySuites, AWorldsSuiteIsMadeOnce) {
  AbilitySuites suites({"A13"});
  const ScenarioList& a = suites.of(model_of("seed = 7\n"), silent());
  ASSERT_FALSE(a.empty());
  for (const auto& scenario : a) EXPECT_EQ(scenario->spec().ability, "A13");
  const ScenarioList& b = suites.of(model_of("seed = 8\n"), silent());
  EXPECT_EQ(&suites.of(model_of("seed = 7\n"), silent()), &a);
  EXPECT_NE(&a, &b);
}

TEST(AbilitySuites, AManifestWithoutAWorldIsNotedAndMeansTheDefaultOne) {
  AbilitySuites suites({"A13.register"});
  Notes notes;
  EXPECT_EQ(suites.of(model_of(""), notes).size(), 1u);
  EXPECT_EQ(notes.text,
            "davinci: its manifest names no world; it is asked about the default one\n");
}

TEST(AbilitySuites, ADamagedWorldIsAnErrorEachTime) {
  AbilitySuites suites;
  for (int i = 0; i < 2; ++i) EXPECT_THROW(suites.of(model_of("seed = ["), silent()), Error);
}

TEST(AbilitySuites, ANameThatNoSuiteHasIsRefusedAtOnce) {
  try {
    AbilitySuites({"A13.registre"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "eval: no ability or scenario is called A13.registre; wanted one as A01, or a "
                 "scenario's name as A12.hop.chain");
    EXPECT_EQ(e.hint(), "did you mean A13.register?");
  }
}

TEST(OfMicroWorld, IsAMatterOfTheWordsAlone) {
  EXPECT_TRUE(of_micro_world(*Vocabulary::get().tokenizer()));
}

}  // namespace
}  // namespace lineage
