#include "lineage/stages/recipe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_name.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/stages/presets.h"
#include "lineage/stages/recipe_effects.h"
#include "lineage/stages/recipe_keys.h"
#include "lineage/stages/stage.h"
#include "lineage/stages/tokens_seen.h"
#include "lineage/text/chat.h"
#include "lineage/train/train_config.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

ConfigNode table(const ConfigNode& node, std::string_view key) {
  return node.has(key) ? node.child(key) : ConfigNode();
}

// Whether a part of the path is a variable of a shell: $HOME or ${HOME}.
bool has_variable(const fs::path& path) {
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) {
    const std::string name = part.string();
    return name.size() > 1 && name[0] == '$' &&
           (name[1] == '{' || name[1] == '_' || (name[1] >= 'A' && name[1] <= 'Z'));
  });
}

// [nodes.NAME.KEY] over [KEY].
ConfigNode over_default(const ConfigNode& node, const ConfigNode& document, std::string_view key) {
  if (!node.has(key)) return table(document, key);
  ConfigNode own = node.child(key);
  own.merge_under(table(document, key));
  return own;
}

// The path of `text` in a file of this folder.
std::string resolved(const std::string& text, const std::string& place, const fs::path& folder,
                     const fs::path& home) {
  if (has_variable(text))
    throw Error(place + ": the path " + text + " has a variable of the shell; wanted a plain path",
                "variables are not read in a recipe; ~ is the home folder");
  if (text.starts_with("~")) {
    const bool own = text.size() == 1 || text[1] == '/';
    if (own && home.empty())
      throw Error(place + ": the path " + text + " begins with ~, and HOME is not set; wanted one",
                  "write the path from the root on");
    if (own) return (home / text.substr(std::min<size_t>(text.size(), 2))).string();
    if (text.find('/') != std::string::npos)
      throw Error(place + ": the path " + text + " begins with another user's ~; wanted ~/…",
                  "write the path from the root on");
  }
  if (text.empty() || folder.empty() || fs::path(text).is_absolute()) return text;
  return (folder / text).lexically_normal().string();
}

// Resolves every path whose place begins with `places`: relative ones start at `folder`.
void resolve_paths(ConfigNode& document, std::string_view places, const fs::path& folder,
                   const fs::path& home) {
  for (const ConfigKey& key : recipe_keys())
    if (key.paths)
      document.change_strings(key.path, [&](const std::string& text, const std::string& place) {
        return place.starts_with(places) ? resolved(text, place, folder, home) : text;
      });
}

ConfigNode load_document(const fs::path& file, const fs::path& home) {
  ConfigNode document = ConfigNode::load(file);
  resolve_paths(document, "", file.parent_path(), home);
  return document;
}

// The document with the one it extends and its preset merged under it.
ConfigNode merged(ConfigNode document, const fs::path& home, std::set<fs::path> seen) {
  struct Base {
    std::string extends, preset;
  } base;
  for (const std::string& key : document.keys()) {
    ConfigReader reader(document);
    if (key == "extends") reader("extends", base.extends, "");
    if (key == "preset") reader("preset", base.preset, "");
  }
  if (!base.extends.empty()) {
    require(seen.insert(fs::weakly_canonical(base.extends)).second, document.place("extends"),
            ": a cycle of recipes; ", base.extends, " is already being extended");
    document.extend(merged(load_document(base.extends, home), home, seen));
  }
  if (!base.preset.empty())
    document.merge_under(ConfigNode::parse(preset_toml(base.preset, document.place("preset")),
                                           "preset " + base.preset));
  return document;
}

RecipeNode read_node(const ConfigNode& document, const std::string& name) {
  const ConfigNode node = document.child("nodes").child(name);
  RecipeNode result;
  result.name = name;
  result.place = node.place();
  ConfigReader reader(node);
  reader("stage", result.stage, "");
  reader("parents", result.parents, "");
  reader("control", result.control, "");
  reader("control_of", result.control_of, "");
  result.control = result.control || !result.control_of.empty();
  require(!result.stage.empty(), result.place, ": has no stage; wanted one of ",
          fmt::format("{}", fmt::join(stage_names(), ", ")));
  stage_for(result.stage, result.place);
  for (const std::string_view stage : stage_names())
    require(stage == result.stage || !node.has(stage), node.place(stage), ": the node's stage is ",
            result.stage, "; wanted a table of that name");
  result.stage_table = over_default(node, document, result.stage);
  if (result.parents.empty()) {
    result.model_table = over_default(node, document, "model");
    result.has_model = node.has("model");
    const fs::path origin = stage_of(result).origin(result);
    result.model = origin.empty() ? read_config<GptConfig>(result.model_table)
                                  : Checkpoint::open(origin).model_config();
  } else {
    require(!node.has("model"), node.place("model"),
            ": a node with parents has its first parent's model; wanted no table of its own");
  }
  return result;
}

// Parents before children; the order of the file otherwise.
std::vector<RecipeNode> ordered(std::vector<RecipeNode> nodes) {
  std::map<std::string, const RecipeNode*> by_name;
  std::vector<std::string> names;
  for (const RecipeNode& n : nodes) by_name[n.name] = &n, names.push_back(n.name);
  std::vector<RecipeNode> result;
  std::map<std::string, int> state;  // 1: being visited, 2: done
  std::vector<std::string> path;
  const auto visit = [&](const auto& self, const RecipeNode& n) -> void {
    if (state[n.name] == 2) return;
    path.push_back(n.name);
    require(state[n.name] == 0, n.place, ": a cycle: ", fmt::format("{}", fmt::join(path, " <- ")),
            "; wanted parents that do not descend from their children");
    state[n.name] = 1;
    for (const std::string& parent : n.parents) {
      if (!by_name.contains(parent)) {
        const std::string near = nearest_name(parent, names);
        throw Error(
            fmt::format("{}: nodes.{}.parents names {}; no such node", n.place, n.name, parent),
            near.empty() ? "" : "did you mean " + near + "?");
      }
      self(self, *by_name[parent]);
    }
    path.pop_back();
    state[n.name] = 2;
    result.push_back(n);
  };
  for (const RecipeNode& n : nodes) visit(visit, n);
  for (const RecipeNode& n : nodes)
    if (!n.control_of.empty() && (n.control_of == n.name || !by_name.contains(n.control_of))) {
      const std::string near = nearest_name(n.control_of, names);
      throw Error(fmt::format("{}: nodes.{}.control_of names {}; wanted another node", n.place,
                              n.name, n.control_of),
                  near.empty() || near == n.name ? "" : "did you mean " + near + "?");
    }
  for (RecipeNode& n : result)
    if (!n.parents.empty())
      n.model =
          stage_of(n).model(std::ranges::find(result, n.parents[0], &RecipeNode::name)->model);
  return result;
}

// Every name of a recipe is a folder's, below OUT.
void check_names(const Recipe& recipe, const ConfigNode& document, const std::string& place) {
  check_file_name(recipe.name, document.has("name") ? document.place("name") : place, "recipe");
  const auto check = [&](const char* kind, std::string_view what) {
    const ConfigNode names = table(document, kind);
    for (const std::string& name : names.keys()) {
      const std::string at = names.place(name);  // ends with the name, which the message shows
      check_file_name(name, at.substr(0, at.find(fmt::format(": {}", kind))), what);
    }
  };
  check("sources", "source");
  check("corpora", "corpus");
  check("conversations", "conversation set");
  check("demonstrations", "demonstration set");
  check("dialogs", "dialog set");
  check("preferences", "preference set");
  check("nodes", "node");
  for (const std::string& name : table(document, "nodes").keys()) {
    const bool of_a_seed = name.starts_with("seed-") && name.size() > 5 &&
                           name.find_first_not_of("0123456789", 5) == std::string::npos;
    if (of_a_seed || name == "growth.json")
      throw Error(fmt::format("{}: a node is called {}, which OUT/trees/{} has for another thing; "
                              "wanted another name",
                              document.child("nodes").place(name), name, recipe.name),
                  "names as seed-2 are those of further seeds' trees");
  }
}

// The first model that is taken in: its tokenizer is the tree's, where the recipe names none.
fs::path first_origin(const Recipe& recipe) {
  for (const RecipeNode& n : recipe.nodes)
    if (const fs::path origin = stage_of(n).origin(n); !origin.empty()) return origin;
  return {};
}

// A trained one has a token for every byte and for every special one.
void check_tokenizer(const TokenizerConfig& config, const ConfigNode& table) {
  if (config.kind != TokenizerKind::bpe || !config.path.empty()) return;
  const auto specials = static_cast<int64_t>(chat_specials().size());
  if (config.vocab < 256 + specials)
    throw Error(fmt::format("{} is {}; wanted at least {}: 256 bytes and {} special tokens",
                            table.place("vocab"), config.vocab, 256 + specials, specials),
                "4096 does for a small text");
}

Recipe read_recipe(ConfigNode document, const std::string& place,
                   const std::vector<std::string>& sets, const fs::path& home) {
  for (const std::string& s : sets) document.set(s);
  resolve_paths(document, "--set ", {}, home);  // those of the file are resolved already
  document = merged(std::move(document), home, {fs::weakly_canonical(fs::path(place))});
  check_recipe_keys(document);

  Recipe recipe;
  ConfigReader reader(document);
  recipe.name = fs::path(place).stem().string();
  reader("name", recipe.name, "");
  reader("seed", recipe.seed, "");
  reader("tokenizer", recipe.tokenizer, "");
  reader("world", recipe.world, "");
  reader("corpora", recipe.corpora, "");
  reader("sources", recipe.sources, "");
  reader("conversations", recipe.conversations, "");
  reader("demonstrations", recipe.demonstrations, "");
  reader("dialogs", recipe.dialogs, "");
  reader("preferences", recipe.preferences, "");
  reader("run", recipe.run, "");
  reader("evaluation", recipe.evaluation, "");
  check_names(recipe, document, place);
  for (const auto& [name, source] : recipe.sources) validate(source, name);
  std::set<std::string> names;
  const auto unique = [&](const auto& table) {
    for (const auto& [name, config] : table)
      require(names.insert(name).second, place, ": ", name,
              " names two sets of data; wanted another name for one");
  };
  unique(recipe.sources);
  unique(recipe.corpora);
  unique(recipe.conversations);
  unique(recipe.demonstrations);
  unique(recipe.dialogs);
  unique(recipe.preferences);
  validate_demonstrations(recipe, place);
  recipe.toml = document.toml();
  const ConfigNode nodes = table(document, "nodes");
  require(!nodes.keys().empty(), place, ": has no [nodes.NAME]; wanted at least one");
  std::vector<RecipeNode> read;
  for (const std::string& name : nodes.keys()) read.push_back(read_node(document, name));
  recipe.nodes = ordered(std::move(read));
  const fs::path origin = first_origin(recipe);
  if (recipe.tokenizer.kind == TokenizerKind::bpe && recipe.tokenizer.path.empty())
    recipe.tokenizer.path = origin.string();
  check_tokenizer(recipe.tokenizer, table(document, "tokenizer"));
  require(!origin.empty() || !text_names(recipe).empty(), place,
          ": has no [sources.NAME] or [corpora.NAME]; wanted at least one");
  for (RecipeNode& n : recipe.nodes) {
    if (!n.parents.empty()) n.pretraining = pretraining_through(recipe.node(n.parents[0]), recipe);
    stage_of(n).validate(n, recipe);
  }
  recipe.notes = without_effect(document, recipe);
  return recipe;
}

}  // namespace

const RecipeNode& Recipe::node(std::string_view wanted) const {
  std::vector<std::string> names;
  for (const RecipeNode& n : nodes) {
    if (n.name == wanted) return n;
    names.push_back(n.name);
  }
  const std::string near = nearest_name(wanted, names);
  throw Error(
      fmt::format("{}: no node is called {}; there are {}", name, wanted, fmt::join(names, ", ")),
      near.empty() ? "" : "did you mean " + near + "?");
}

std::string recipe_reference() {
  std::string text =
      "# Keys of a recipe\n\nPrinted by `lineage grow --keys`; docs/formats.md has the rest on "
      "recipes.\n\n";
  const auto add = [&](std::string_view table, std::string_view what, const std::string& keys) {
    text += fmt::format("## `[{}]`\n\n{}\n\n{}\n", table, what, keys);
  };
  add("tokenizer", "Loaded, or trained on the sources.", config_reference<TokenizerConfig>());
  add("model", "The architecture; a child has its first parent's.", config_reference<GptConfig>());
  add("world", "The micro-world, when corpora are of it.", config_reference<WorldConfig>());
  add("corpora.NAME", "Texts generated from it.", config_reference<CorpusConfig>());
  add("sources.NAME", "Where documents come from.", config_reference<SourceConfig>());
  add("conversations.NAME", "Demonstrations in files, for the stages that tune.",
      config_reference<ConversationsConfig>());
  add("demonstrations.NAME", "Instructions of the micro-world with their answers.",
      config_reference<DemonstrationsConfig>());
  add("dialogs.NAME", "Conversations of the micro-world, of several turns.",
      config_reference<DialogsConfig>());
  add("preferences.NAME",
      "Answers in files that people compared, for the stages that learn from it.",
      config_reference<PreferencesConfig>());
  add("run", "What does not change the result.", config_reference<RunConfig>());
  add("evaluation", "How the nodes are measured once they are grown.",
      config_reference<EvaluationConfig>());
  for (std::string_view stage : stage_names())
    add(stage, fmt::format("Of every {0} node; `[nodes.NAME.{0}]` overrides it for one.", stage),
        stage_for(stage, "recipe").reference());
  add("STAGE.optimizer", "Of every stage that trains.", config_reference<OptimizerConfig>());
  add("STAGE.schedule", "Of the learning rate.", config_reference<ScheduleConfig>());
  add("STAGE.lora",
      "Of stages that tune a parent: low-rank adapters in place of its weights (docs/lora.md).",
      config_reference<LoraConfig>());
  add("STAGE.guard", "Reaction to a run that diverges.", config_reference<GuardConfig>());
  return text;
}

Recipe load_recipe(const fs::path& path, const std::vector<std::string>& sets,
                   const fs::path& home) {
  Recipe recipe = read_recipe(load_document(path, home), path.string(), sets, home);
  recipe.file = path;
  return recipe;
}

Recipe parse_recipe(std::string_view toml, const std::string& place,
                    const std::vector<std::string>& sets, const fs::path& home) {
  ConfigNode document = ConfigNode::parse(toml, place);
  resolve_paths(document, "", {}, home);
  return read_recipe(std::move(document), place, sets, home);
}

}  // namespace lineage
