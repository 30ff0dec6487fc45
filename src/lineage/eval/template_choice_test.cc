#include "lineage/eval/template_choice.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lineage/eval/item_metrics.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

using testing::ScriptedModel;
using Template = PromptSpec::Template;

ScenarioSpec spec_of(PromptSpec::Method method) {
  ScenarioSpec spec;
  spec.name = "test";
  spec.metric = metrics::choice_accuracy();
  spec.prompt.method = method;
  spec.prompt.before_answer = " is";
  spec.templates = {Template::raw, Template::chat};
  return spec;
}

std::vector<Instance> dev_items(int n) {
  std::vector<Instance> items(static_cast<size_t>(n));
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].id = std::to_string(i);
    items[i].question = text_part(i % 2 ? "q" : "r");
    items[i].answers = {text_part("a"), text_part("b")};
  }
  return items;
}

bool is_chat(const std::string& context) { return context.find("<user>") != context.npos; }

TEST(TemplateChoice, ClearDifferencesTakeFewItems) {
  ScriptedModel model({"q", "r", "is", "a", "b"});
  model.log_prob = [](const std::string& context, const std::string&) {
    return is_chat(context) ? -1.0 : -2.0;
  };
  const auto dev = dev_items(64);
  for (const auto method : {PromptSpec::Method::choose, PromptSpec::Method::generate}) {
    const auto choice = choose_template(model, spec_of(method), dev, {}, 1);
    EXPECT_EQ(choice.form, Template::chat);
    EXPECT_EQ(choice.items, 8);
    EXPECT_DOUBLE_EQ(choice.raw.value(), -2);
    EXPECT_DOUBLE_EQ(choice.chat.value(), -1);
  }
  EXPECT_EQ(model.generated, 0);  // answers are scored
}

TEST(TemplateChoice, UnclearOnesTakeAll) {
  ScriptedModel model({"q", "r", "is", "a", "b"});
  // Raw is better by 3 on one half, chat by 2 on the other: 0.5 +- 2.5, four errors only from
  // 400 items on.
  model.log_prob = [](const std::string& context, const std::string&) {
    const bool chat_is_better = context.find('q') == context.npos;
    if (is_chat(context) == chat_is_better) return -1.0;
    return chat_is_better ? -3.0 : -4.0;
  };
  const auto choice =
      choose_template(model, spec_of(PromptSpec::Method::generate), dev_items(50), {}, 1);
  EXPECT_EQ(choice.items, 50);
  EXPECT_EQ(choice.form, Template::raw);
  EXPECT_NEAR(choice.raw.value() - choice.chat.value(), 0.5, 1e-9);
}

TEST(TemplateChoice, TheFirstOneUnlessTheOtherIsBetter) {
  ScriptedModel model({"q", "r", "is", "a", "b"});
  auto spec = spec_of(PromptSpec::Method::choose);
  EXPECT_EQ(choose_template(model, spec, dev_items(4), {}, 1).form, Template::raw);
  spec.templates = {Template::chat, Template::raw};
  EXPECT_EQ(choose_template(model, spec, dev_items(4), {}, 1).form, Template::chat);
  EXPECT_EQ(choose_template(model, spec, {}, {}, 1).form, Template::chat);
  EXPECT_FALSE(choose_template(model, spec, {}, {}, 1).raw.has_value());
  model.context_length = 0;  // nothing fits
  EXPECT_EQ(choose_template(model, spec, dev_items(4), {}, 1).form, Template::chat);
}

}  // namespace
}  // namespace lineage
