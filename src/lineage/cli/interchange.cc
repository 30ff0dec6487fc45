#include <fmt/format.h>

#include <string>

#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/peft.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"

namespace lineage::cli {
namespace {

struct InterchangeOptions {
  std::string from, to;
  std::string base, base_name;  // of an adapter
  bool no_tokenizer = false;
};

void print_note(const std::string& note) { fmt::print(stderr, "note: {}\n", note); }

void add_import_peft(CLI::App& import) {
  auto o = std::make_shared<InterchangeOptions>();
  CLI::App* c = import.add_subcommand("peft", "An adapter (LoRA) of PEFT, merged into its base");
  add_path(c, "DIR", o->from,
           "the folder that holds adapter_config.json and adapter_model.safetensors")
      ->required();
  add_path(c, "--base", o->base, "the checkpoint's folder of the model that it was trained on")
      ->required();
  add_path(c, "-o,--out", o->to, "the checkpoint's folder")->required();
  c->add_option("--base-name", o->base_name,
                "what the adapter calls its base, where the base has another name here");
  c->footer("Example:\n  lineage import peft adapter/ --base models/gpt2 --out models/gpt2-tuned");
  c->callback([o] {
    const Manifest m =
        import_adapter(o->from, o->base, o->to, {.base_name = o->base_name, .note = print_note});
    fmt::print("{}: imported; weights {}\n", o->to, m.weights.substr(0, 12));
  });
}

void add_export_peft(CLI::App& parent) {
  auto o = std::make_shared<InterchangeOptions>();
  CLI::App* c =
      parent.add_subcommand("peft", "The adapter (LoRA) of a model tuned with one, for PEFT");
  add_path(c, "MODEL", o->from, "a checkpoint's folder")->required();
  add_path(c, "DIR", o->to, "the folder to write")->required();
  c->add_option(
      "--base-name", o->base_name,
      "base_model_name_or_path, by which PEFT finds the base; by default the node's name");
  c->footer("Example:\n  lineage export peft runs/trees/mine/tuned adapter/ --base-name gpt2/");
  c->callback([o] {
    export_adapter(o->from, o->to, {.base_name = o->base_name, .note = print_note});
    fmt::print("{}: written\n", o->to);
  });
}

}  // namespace

void add_import(CLI::App& app) {
  CLI::App* c = app.add_subcommand("import", "Take in a model from elsewhere");
  c->group("Use a model");
  c->require_subcommand(1);
  auto o = std::make_shared<InterchangeOptions>();
  CLI::App* hf =
      c->add_subcommand("hf",
                        "A checkpoint folder of Hugging Face: GPT-2, OPT, LLaMA, Mistral,\n"
                        "Qwen2, Qwen3, GPT-NeoX or BLOOM");
  add_path(hf, "DIR", o->from, "the folder that holds config.json and model.safetensors")
      ->required();
  add_path(hf, "-o,--out", o->to, "the checkpoint's folder")->required();
  hf->add_flag("--no-tokenizer", o->no_tokenizer,
               "the weights alone; the tokenizer's files are kept for an export, but not read");
  hf->footer("Example:\n  lineage import hf gpt2/ --out models/gpt2");
  hf->callback([o] {
    const Manifest m =
        import_huggingface(o->from, o->to, {.tokenizer = !o->no_tokenizer, .note = print_note});
    fmt::print("{}: imported; weights {}\n", o->to, m.weights.substr(0, 12));
  });
  add_import_peft(*c);
}

void add_export(CLI::App& app) {
  CLI::App* c = app.add_subcommand("export", "Write a model for use elsewhere");
  c->group("Use a model");
  c->require_subcommand(1);
  auto o = std::make_shared<InterchangeOptions>();
  CLI::App* hf = c->add_subcommand("hf", "As a checkpoint folder of Hugging Face");
  add_path(hf, "MODEL", o->from, "a checkpoint's folder")->required();
  add_path(hf, "DIR", o->to, "the folder to write")->required();
  hf->footer("Example:\n  lineage export hf runs/trees/stdlib/coder out/");
  hf->callback([o] {
    export_huggingface(o->from, o->to, {.note = print_note});
    fmt::print("{}: written\n", o->to);
  });
  add_export_peft(*c);
}

}  // namespace lineage::cli
