#include "lineage/eval/scenarios/benchmark_formats.h"
#include "lineage/eval/scenarios/record_fields.h"

namespace lineage {
namespace {

using namespace record;

// The text continues a function; its tests call check(ENTRY_POINT) (Chen et al. 2021).
Instance human_eval(const JsonObject& o) {
  Instance item;
  item.question.text = text(o, "prompt");
  item.answers = {text_part(text(o, "canonical_solution"))};
  const std::string tests = "\n" + text(o, "test") + "\ncheck(" + text(o, "entry_point") + ")\n";
  item.program = [head = item.question.text, tests](const std::string& output) {
    return head + output + tests;
  };
  return item;
}

std::string lines_of(const std::vector<Part>& parts) {
  std::string lines;
  for (const Part& part : parts) lines += part.text + "\n";
  return lines;
}

// A task in words with its tests (Austin et al. 2021); the sanitised copies have the words in
// "prompt".
Instance mbpp(const JsonObject& o) {
  Instance item;
  const std::string tests = lines_of(texts(o, "test_list", 1));
  item.question.text = "You are an expert Python programmer, and here is your task: " +
                       trimmed(text(o, o.has("text") ? "text" : "prompt")) +
                       " Your code should pass these tests:\n\n" + tests + "[BEGIN]\n";
  item.answers = {text_part(trimmed(text(o, "code")) + "\n[DONE]")};
  std::string setup = text_or_none(o, "test_setup_code");
  if (o.has("test_imports")) setup += lines_of(texts(o, "test_imports", 0));
  item.program = [setup, tests](const std::string& output) {
    return output + "\n" + setup + "\n" + tests;
  };
  return item;
}

void ask_program(PromptSpec& p, std::vector<std::string> stop) {
  p.answer_lead = "";
  p.sampling.max_tokens = 512;
  p.sampling.stop = std::move(stop);
}

void ask_function_body(PromptSpec& p, std::span<const Instance>) {
  ask_program(p, {"\nclass", "\ndef", "\n#", "\nif", "\nprint"});
  p.after_answer = "";
}

void ask_function(PromptSpec& p, std::span<const Instance>) { ask_program(p, {"[DONE]"}); }

}  // namespace

std::span<const FileFormat> program_formats() {
  static const FileFormat all[] = {
      {.name = "humaneval",
       .needed = {"prompt", "canonical_solution", "test", "entry_point"},
       .parse = human_eval,
       .ask = ask_function_body},
      {.name = "mbpp",
       .needed = {"code", "test_list"},
       .one_of = {"text", "prompt"},
       .used = {"test_setup_code", "test_imports"},
       .parse = mbpp,
       .ask = ask_function}};
  return all;
}

}  // namespace lineage
