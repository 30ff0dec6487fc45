#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "lineage/abilities/item_samples.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/stages/recipe.h"
#include "lineage/world/gallery/gallery.h"

namespace lineage::cli {
namespace {

struct ShowOptions {
  std::string kind, recipe;
  Colour colour = Colour::automatic;
  std::vector<std::string> sets;
  std::optional<uint64_t> seed;
  uint64_t index = 0;
  int64_t n = 0;
  bool list = false;
};

// The recipe's world with its corpora, or the default one.
std::vector<SampleKind> kinds_of(const ShowOptions& o) {
  WorldConfig world;
  GalleryConfig gallery;
  if (!o.recipe.empty()) {
    const Recipe recipe = load_recipe(o.recipe, o.sets, home_folder());
    world = recipe.world;
    for (const auto& [name, corpus] : recipe.corpora)
      if (corpus.kind == CorpusKind::code)
        gallery.code = corpus.code, gallery.code_tokens = corpus.tokens;
      else
        gallery.text_tokens = corpus.tokens;
  }
  if (o.seed) world.seed = *o.seed;
  const auto made = std::make_shared<const World>(world);
  std::vector<SampleKind> kinds = corpus_samples(made, gallery);
  std::ranges::move(item_samples(made), std::back_inserter(kinds));
  return kinds;
}

void print_list(const std::vector<SampleKind>& kinds) {
  std::string group;
  for (const SampleKind& kind : kinds) {
    if (kind.group != group) fmt::print("{}\n", group = kind.group);
    fmt::print("  {:24} {}\n", kind.name, kind.title);
  }
}

void show(const ShowOptions& o) {
  const std::vector<SampleKind> kinds = find_kinds(kinds_of(o), o.kind);
  if (o.list) return print_list(kinds);
  const bool colour = coloured(o.colour, ::isatty(STDOUT_FILENO));
  constexpr int64_t kOfEach = 1, kOfOne = 3;
  const int64_t n = o.n > 0 ? o.n : kinds.size() == 1 ? kOfOne : kOfEach;
  std::vector<Sample> all;
  for (const SampleKind& kind : kinds)
    for (Sample& sample : kind.samples(o.index, n)) {
      fmt::print("{}\n", sample_text(sample, colour));
      all.push_back(std::move(sample));
    }
  fmt::print("{}: {}\n",
             colour ? "colours; \x1b[1;4manswers\x1b[0m are what only that ability can predict"
                    : "abilities; between underscores what only they can predict",
             colour_legend(all, colour));
}

void add_show(CLI::App& world) {
  auto o = std::make_shared<ShowOptions>();
  CLI::App* c = world.add_subcommand("show", "Print samples of all that the micro-world makes");
  add_name(c, "KIND", o->kind, "TEXT",
           "a group (text, code, problem, instruction, dialog, probe), a kind, or how its "
           "name begins (A12); default: one of each");
  c->add_flag("--list", o->list, "name the kinds");
  add_path(c, "--recipe", o->recipe, "whose world and corpora; default: world 1");
  add_sets(c, o->sets);
  add_seed(c, "--seed", o->seed, "of another world");
  add_number(c, "--index", o->index, between(0, int64_t{1} << 50), "the first sample");
  add_number(c, "-n,--n", o->n, between(1, kManyTokens),
             "samples a kind; default: 3 of one kind, 1 of several")
      ->default_str("");
  add_choice(c, "--color", o->colour, "auto, always or never");
  c->footer("Examples:\n  lineage world show A12\n  lineage world show instruction -n 2");
  c->callback([o] { show(*o); });
}

}  // namespace

void add_world(CLI::App& app) {
  CLI::App* world = app.add_subcommand("world", "Look at the micro-world");
  world->group("Look and check");
  world->require_subcommand(1);
  add_show(*world);
  add_world_audit(*world);
}

}  // namespace lineage::cli
