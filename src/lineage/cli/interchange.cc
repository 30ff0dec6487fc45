#include <fmt/format.h>

#include <string>

#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/model.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"

namespace lineage::cli {
namespace {

struct InterchangeOptions {
  std::string from, to;
};

}  // namespace

void add_import(CLI::App& app) {
  CLI::App* c = app.add_subcommand("import", "Take in a model from elsewhere");
  c->group("Use a model");
  c->require_subcommand(1);
  auto o = std::make_shared<InterchangeOptions>();
  CLI::App* hf = c->add_subcommand("hf", "A GPT-2 or OPT checkpoint folder of Hugging Face");
  add_path(hf, "DIR", o->from, "the folder that holds config.json and model.safetensors")
      ->required();
  add_path(hf, "-o,--out", o->to, "the checkpoint's folder")->required();
  hf->callback([o] {
    const Manifest m = import_huggingface(o->from, o->to);
    fmt::print("{}: imported; weights {}\n", o->to, m.weights.substr(0, 12));
  });
}

void add_export(CLI::App& app) {
  CLI::App* c = app.add_subcommand("export", "Write a model for use elsewhere");
  c->group("Use a model");
  c->require_subcommand(1);
  auto o = std::make_shared<InterchangeOptions>();
  CLI::App* hf = c->add_subcommand("hf", "As a GPT-2 or OPT checkpoint folder of Hugging Face");
  add_path(hf, "MODEL", o->from, "a checkpoint's folder")->required();
  add_path(hf, "DIR", o->to, "the folder to write")->required();
  hf->callback([o] {
    export_huggingface(o->from, o->to);
    fmt::print("{}: written\n", o->to);
  });
}

void add_info(CLI::App& app) {
  CLI::App* c = app.add_subcommand("info", "Tell what a checkpoint is and where it came from");
  auto model = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  add_path(c, "MODEL", *model, "a checkpoint's folder")->required();
  c->add_flag("--json", *json, "the manifest as it stands");
  c->callback([model, json] {
    const Checkpoint checkpoint = Checkpoint::open(*model);
    const Manifest& m = checkpoint.manifest();
    if (*json) {
      fmt::print("{}\n", to_json(m));
      return;
    }
    const GptConfig config = checkpoint.model_config();
    fmt::print(
        "{}\n  stage       {}{}\n  weights     {}\n  parameters  {}\n  trained     {} steps, {} "
        "tokens, "
        "seed {}\n  tokenizer   {}\n  code        {}\n",
        *model, m.stage, m.node.empty() ? "" : " (" + m.node + ")", m.weights,
        parameter_count(config), m.step, m.tokens, m.seed,
        m.tokenizer.empty() ? "none" : m.tokenizer, m.code);
    for (const std::string& parent : m.parents) fmt::print("  parent      {}\n", parent);
    for (const auto& [name, record] : m.datasets)
      fmt::print("  data        {} {}\n", name, record.dump());
    fmt::print("\n{}", m.config);
  });
}

}  // namespace lineage::cli
