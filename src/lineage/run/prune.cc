#include "lineage/run/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/system_error.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/checkpoint/node_files.h"
#include "lineage/data/prepare.h"
#include "lineage/eval/database.h"
#include "lineage/stages/grow.h"

namespace lineage {
namespace {

// The paths in a folder, sorted. None where it is absent or a link, as nothing behind a link is
// removed.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> all;
  try {
    if (!fs::is_directory(fs::symlink_status(folder))) return all;
    for (const auto& entry : fs::directory_iterator(folder)) all.push_back(entry.path());
  } catch (const fs::filesystem_error& e) {
    throw system_error(folder, "look into it", e.code().value());
  }
  std::ranges::sort(all);
  return all;
}

bool is_real_folder(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

// Whether a name is NAME-DIGEST with so many digits.
bool ends_with_digest(const std::string& name, size_t digits) {
  return name.size() > digits + 1 && name[name.size() - digits - 1] == '-' &&
         name.find_first_not_of("0123456789abcdef", name.size() - digits) == std::string::npos;
}
constexpr size_t kIdentityDigits = 12, kKeyDigits = 16;

// The file or folder at the top of a relative path, without the ending of a partial file.
std::string finished_name(const fs::path& file) {
  const std::string name = file.begin()->string();
  return name.substr(0, name.find(".partial."));
}

// Files that a run resumes a node from, of no use once it is grown.
bool is_state_file(const fs::path& file) {
  const std::string name = finished_name(file);
  return name == "best.safetensors" ||
         (name.starts_with("training-") && name.ends_with(".safetensors"));
}

// Answers that a stage sampled, to be rated or compared: answers.jsonl, heldout-answers-hot.jsonl.
bool is_answers_file(std::string_view name) {
  if (constexpr std::string_view kHeldout = "heldout-"; name.starts_with(kHeldout))
    name.remove_prefix(kHeldout.size());
  return name.starts_with("answers") && name.ends_with(".jsonl");
}

// All that growing a node writes into its folder.
IsOurs files_of_node(const fs::path& folder) {
  return [checkpoint = files_of_checkpoint(folder)](const fs::path& file) {
    static const std::set<std::string> kNames = {"manifest.json",      "weights.safetensors",
                                                 "tokenizer.json",     "metrics.jsonl",
                                                 kRewardReport,        kFeedbackOutcome,
                                                 kModerationReport,    ".lineage-incoming",
                                                 ".lineage-committed", ".lock"};
    const std::string name = finished_name(file);
    return checkpoint(file) || is_state_file(file) || is_answers_file(name) ||
           kNames.contains(name);
  };
}

// The folders that the trees of a run link to.
struct TreeLinks {
  std::set<fs::path> folders;  // resolved
  std::string half_grown;      // a tree with a node that is still to be grown; empty: there is none
};

// Collects the links below RUN/trees, also behind links to other folders. An Error where something
// cannot be read, as it may name a node.
class LinkFinder {
 public:
  static TreeLinks find(const fs::path& run) {
    LinkFinder finder;
    if (is_real_folder(run / "trees")) finder.look(run / "trees");
    if (finder.links_.folders.empty() && finder.links_.half_grown.empty())
      throw Error(run.string() +
                      ": has no tree; wanted a run folder with at least one, as trees "
                      "say what is needed",
                  "a run folder of which nothing is needed can be removed as a whole");
    return std::move(finder.links_);
  }

 private:
  void look(const fs::path& folder) {
    if (!seen_.insert(fs::canonical(folder)).second) return;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      std::error_code broken;
      const fs::path real = fs::canonical(at->path(), broken);
      const bool nowhere = broken == std::errc::no_such_file_or_directory ||
                           broken == std::errc::too_many_symbolic_link_levels;
      if (broken && !nowhere) throw system_error(at->path(), "look where it leads", broken.value());
      const bool to_grow = folder.filename() == kGrowing && (nowhere || !Checkpoint::exists(real));
      if (to_grow) links_.half_grown = folder.parent_path().string();
      if (nowhere || !fs::is_directory(real)) continue;
      if (at->is_symlink()) links_.folders.insert(real);
      if (!to_grow && !Checkpoint::exists(real)) look(at->path());
    }
    if (error) throw system_error(folder, "look into it", error.value());
  }

  TreeLinks links_;
  std::set<fs::path> seen_;
};

struct Node {
  fs::path folder;
  std::optional<Manifest> manifest;  // none: it was never finished
  bool named = false;
};

// The nodes of a run that Lineage has made, and which of them are named.
std::vector<Node> nodes_of(const fs::path& run, const TreeLinks& links) {
  std::vector<Node> nodes;
  for (const fs::path& folder : entries(run / "nodes")) {
    const std::string name = folder.filename();
    if (!is_real_folder(folder) || !ends_with_digest(name, kIdentityDigits)) continue;
    Node node{folder, {}, links.folders.contains(fs::canonical(folder))};
    if (Checkpoint::exists(folder)) node.manifest = Checkpoint::open(folder).manifest();
    // Not a model that someone else put there.
    const bool own =
        node.manifest
            ? node.manifest->identity.starts_with(name.substr(name.size() - kIdentityDigits))
            : fs::exists(folder / ".lock");
    if (own) nodes.push_back(std::move(node));
  }
  for (bool found = true; found;) {  // parents of the named ones
    found = false;
    std::set<std::string> parents;
    for (const Node& n : nodes)
      if (n.named && n.manifest)
        parents.insert(n.manifest->parents.begin(), n.manifest->parents.end());
    for (Node& n : nodes)
      if (!n.named && n.manifest && parents.contains(n.manifest->weights)) n.named = found = true;
  }
  return nodes;
}

// Finds unnamed things, and removes each if `remove`.
class Pruner {
 public:
  Pruner(const fs::path& run, bool remove)
      : run_(run), remove_(remove), links_(LinkFinder::find(run)), nodes_(nodes_of(run, links_)) {}

  PruneReport work() {
    for (const Node& node : nodes_) node.named ? state_of(node) : unnamed_node(node);
    if (links_.half_grown.empty()) {
      data();
      tokenizers();
    } else if (!entries(run_ / "data").empty() || !entries(run_ / "tokenizers").empty()) {
      report_.notes.push_back(links_.half_grown +
                              ": is half grown, so tokenised data and tokenizers stay");
    }
    scores();
    std::ranges::stable_sort(report_.things, {},
                             [](const UnnamedThing& t) { return std::pair(t.kind, t.path); });
    return std::move(report_);
  }

 private:
  // Adds a thing below `folder`, whose lock file is `lock`; work() removes it and returns the
  // reason if something stays.
  template <class Work>
  void add(UnnamedThing thing, const fs::path& folder, const std::string& lock, const Work& work) {
    if (const auto process = FolderLock::holder_of(folder, lock))
      thing.stays = "in use by process " + *process;
    else if (remove_)
      try {
        const FolderLock held(folder, lock);
        thing.stays = work();
      } catch (const Error& e) {
        thing.stays = e.what();
      }
    report_.things.push_back(std::move(thing));
  }

  void add_folder(Unnamed kind, const fs::path& folder, const IsOurs& ours, std::string about) {
    const IsOurs with_lock = [&](const fs::path& file) { return file == ".lock" || ours(file); };
    if (const fs::path foreign = first_foreign(folder, folder, with_lock); !foreign.empty())
      about += fmt::format("{}{} is not Lineage's and stays", about.empty() ? "" : "; ",
                           foreign.string());
    add({kind, folder, bytes_of_ours(folder, ours), std::move(about), {}}, folder, ".lock", [&] {
      // A run may need it since it was listed.
      if (kind == Unnamed::node && LinkFinder::find(run_).folders.contains(fs::canonical(folder)))
        return std::string("a tree names it now");
      remove_folder_of_ours(folder, ours);
      return std::string();
    });
  }

  void unnamed_node(const Node& node) {
    add_folder(Unnamed::node, node.folder, files_of_node(node.folder),
               node.manifest ? "" : "cut before it was grown");
    if (node.manifest && report_.things.back().stays.empty())
      removed_.insert(node.manifest->identity);
  }

  void state_of(const Node& node) {
    const int64_t bytes = node.manifest ? bytes_of_ours(node.folder, is_state_file) : 0;
    if (bytes == 0) return;
    add({Unnamed::state, node.folder, bytes, "its node is grown", {}}, node.folder, ".lock", [&] {
      remove_ours(node.folder, is_state_file);
      return std::string();
    });
  }

  // Digests that the named nodes' manifests have, of data and of tokenizers.
  std::set<std::string> digests() const {
    std::set<std::string> all;
    for (const Node& n : nodes_) {
      if (!n.named || !n.manifest) continue;
      all.insert(n.manifest->tokenizer);
      for (const auto& [name, record] : n.manifest->datasets)
        all.insert(record.value("digest", ""));
    }
    all.erase("");  // a model without a tokenizer names none
    return all;
  }

  void data() {
    const std::set<std::string> named = digests();
    for (const fs::path& folder : entries(run_ / "data")) {
      if (!is_real_folder(folder) || !ends_with_digest(folder.filename(), kKeyDigits)) continue;
      const auto digest = prepared_digest(folder);
      if (digest && named.contains(*digest)) continue;
      add_folder(Unnamed::data, folder, is_prepared_file, digest ? "" : "unfinished");
    }
  }

  void tokenizers() {
    const std::set<std::string> named = digests();
    const fs::path folder = run_ / "tokenizers";
    for (const fs::path& file : entries(folder)) {
      const std::string key = file.stem();
      const bool ours = file.extension() == ".json" && key.size() == kKeyDigits &&
                        key.find_first_not_of("0123456789abcdef") == std::string::npos;
      if (!ours || !fs::is_regular_file(fs::symlink_status(file)) ||
          named.contains(digest_of(file)))
        continue;
      const auto bytes = static_cast<int64_t>(fs::file_size(file));
      const std::string lock = "." + key + ".lock";
      add({Unnamed::tokenizer, file, bytes, {}, {}}, folder, lock, [&] {
        remove_ours(folder,
                    [&](const fs::path& at) { return at == file.filename() || at == lock; });
        return std::string();
      });
    }
  }

  // Empty for a damaged file, which no node can name.
  static std::string digest_of(const fs::path& tokenizer) {
    try {
      return Tokenizer::load(tokenizer)->digest();
    } catch (const Error&) {
      return {};
    }
  }

  // Whether the scores' node was one of this run, and is not there or goes.
  bool is_orphan(const std::string& key, const fs::path& folder) const {
    const std::string name = folder.filename();
    if (folder.parent_path().filename() != "nodes" || !ends_with_digest(name, kIdentityDigits) ||
        !key.starts_with(name.substr(name.size() - kIdentityDigits)))
      return false;
    if (removed_.contains(key)) return true;
    if (std::ranges::any_of(
            nodes_, [&](const Node& n) { return n.manifest && n.manifest->identity == key; }))
      return false;
    return !Checkpoint::exists(folder);  // else of another run
  }

  void scores() {
    const fs::path file = run_ / "scores.sqlite";
    if (!fs::is_regular_file(fs::symlink_status(file))) return;
    try {
      Database database(file, remove_ ? Database::Access::write : Database::Access::read);
      std::vector<std::string> orphans;
      for (const auto& [key, folder] : database.node_folders())
        if (is_orphan(key, folder)) orphans.push_back(key);
      if (orphans.empty()) return;
      report_.things.push_back(
          {Unnamed::scores,
           file,
           database.bytes_of_nodes(orphans),
           fmt::format("of {} model{}", orphans.size(), orphans.size() == 1 ? "" : "s"),
           {}});
      if (remove_) database.remove_nodes(orphans);
    } catch (const Error& e) {
      report_.notes.push_back(e.what());
    }
  }

  fs::path run_;
  bool remove_;
  TreeLinks links_;
  std::vector<Node> nodes_;
  std::set<std::string> removed_;  // identities of nodes that go
  PruneReport report_;
};

}  // namespace

int64_t PruneReport::bytes() const {
  int64_t sum = 0;
  for (const UnnamedThing& t : things)
    if (t.stays.empty()) sum += t.bytes;
  return sum;
}

PruneReport list_unnamed(const fs::path& run) { return Pruner(run, false).work(); }

PruneReport prune(const fs::path& run) { return Pruner(run, true).work(); }

}  // namespace lineage
