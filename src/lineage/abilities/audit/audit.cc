#include "lineage/abilities/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "lineage/abilities/audit/allowed.h"
#include "lineage/abilities/audit/item_index.h"
#include "lineage/abilities/audit/split_rules.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/parallel.h"
#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

constexpr int64_t kBlock = 256;       // documents a thread takes at once
constexpr int64_t kAtOnce = 1 << 15;  // between two signs of progress
constexpr size_t kExampleTokens = 40;

std::string as_example(std::span<const Token> tokens) {
  const bool cut = tokens.size() > kExampleTokens;
  return tokens_to_words(cut ? tokens.first(kExampleTokens) : tokens) + (cut ? " …" : "");
}

// The results of reading one source, besides the items found in it.
struct Reading {
  SourceCount count;
  std::array<int64_t, SplitRules::kRules> broken{};
  std::array<int64_t, SplitRules::kRules> first_broken{};

  Reading() { first_broken.fill(FirstSeen::kNever); }
  void add(const Reading& other) {
    count.documents += other.count.documents, count.tokens += other.count.tokens;
    for (size_t i = 0; i < count.answers.size(); ++i) count.answers[i] += other.count.answers[i];
    count.declines.add(other.count.declines);
    count.dialogs |= other.count.dialogs;
    for (size_t r = 0; r < broken.size(); ++r) {
      broken[r] += other.broken[r];
      first_broken[r] = std::min(first_broken[r], other.first_broken[r]);
    }
  }
};

void read_document(const World& world, const AuditSource& source, int64_t index,
                   const SplitRules& rules, const ItemIndex& items, TokenHashes& hashes,
                   ItemIndex::Found& found, Reading& reading) {
  const Document d = source.document(index);
  ++reading.count.documents;
  reading.count.tokens += std::ssize(d.tokens);
  for (TokenTag tag : d.tags)
    if (tag.answer) ++reading.count.answers[enum_index(tag.ability)];
  if (source.kind != AuditSource::Kind::code) reading.count.declines.add(world, d);
  reading.count.dialogs |= d.type == DocumentType::dialog;
  uint32_t broken = rules.broken(d, source.kind);
  if (source.key && is_test_key(source.key(index))) broken |= 1u << SplitRules::kKey;
  for (size_t r = 0; r < SplitRules::kRules; ++r)
    if (broken >> r & 1) {
      ++reading.broken[r];
      reading.first_broken[r] = std::min(reading.first_broken[r], index);
    }
  hashes.read(d.tokens);
  items.search(d.tokens, hashes, index, found);
}

Reading read_source(const World& world, const AuditSource& source, const SplitRules& rules,
                    const ItemIndex& items, ItemIndex::Found& found, Progress& progress) {
  Reading all;
  std::mutex adding;
  for (int64_t first = 0; first < source.documents; first += kAtOnce) {
    progress.update("audit " + source.name,
                    static_cast<double>(first) / static_cast<double>(source.documents), "");
    parallel_blocks(
        std::min(kAtOnce, source.documents - first), kBlock,
        [&](int64_t, int64_t begin, int64_t end) {
          Reading mine;
          TokenHashes hashes;
          for (int64_t i = begin; i < end; ++i)
            read_document(world, source, first + i, rules, items, hashes, found, mine);
          const std::lock_guard lock(adding);
          all.add(mine);  // sums of integers: in any order
        },
        true);
  }
  progress.update("audit " + source.name, 1, "");
  all.count.name = source.name, all.count.kind = source.kind;
  return all;
}

// The overlaps of one probe, cell by cell.
void compare(const AuditProbe& probe, size_t first_item, const ItemIndex& index,
             const AuditSource& source, const ItemIndex::Found& found,
             std::vector<Overlap>& overlaps) {
  std::map<std::pair<std::string, Check>, Overlap> cells;
  for (size_t i = 0; i < probe.items.size(); ++i)
    for (int c = 0; c < kChecks; ++c) {
      const auto check = static_cast<Check>(c);
      if (!index.judges(first_item + i, check)) continue;
      const AuditItem& item = probe.items[i];
      Overlap& o = cells[{item.cell, check}];
      ++o.items;
      const int64_t document = index.first_document(first_item + i, check, found);
      if (document == FirstSeen::kNever) continue;
      if (++o.found > 1) continue;
      o.ability = probe.ability, o.probe = probe.name, o.condition_of = probe.condition_of;
      o.cell = item.cell, o.source = source.name, o.check = check;
      o.document = document, o.example_id = item.id;
      o.example = as_example(joined({item.question, item.target}));
    }
  for (auto& [key, o] : cells) {
    if (o.found == 0) continue;
    o.allowed = allowed_reason(o, source.kind);
    overlaps.push_back(std::move(o));
  }
}

}  // namespace

std::string_view training_kind_name(AuditSource::Kind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"text", "code", "demonstrations"};
  return kNames[enum_index(kind)];
}

std::string_view check_name(Check check) {
  constexpr std::array<std::string_view, kChecks> kNames = {"exact", "13-grams", "key", "program"};
  return kNames[enum_index(check)];
}

AuditReport audit(const World& world, const std::vector<AuditProbe>& probes,
                  const std::vector<AuditSource>& sources, Progress& progress) {
  const ItemIndex index(probes);
  const SplitRules rules(world);
  AuditReport report;
  for (const AuditProbe& p : probes)
    report.probes.push_back({p.name, p.ability, std::ssize(p.items)});
  for (const AuditSource& source : sources) {
    const auto found = index.nothing_found();
    Reading reading = read_source(world, source, rules, index, *found, progress);
    report.sources.push_back(std::move(reading.count));
    for (size_t r = 0; r < SplitRules::kRules; ++r)
      if (reading.broken[r] > 0)
        report.faults.push_back({source.name,
                                 std::string(SplitRules::name(static_cast<SplitRules::Rule>(r))),
                                 reading.broken[r], reading.first_broken[r],
                                 as_example(source.document(reading.first_broken[r]).tokens)});
    size_t first = 0;
    for (const AuditProbe& p : probes) {
      compare(p, first, index, source, *found, report.overlaps);
      first += p.items.size();
    }
  }
  return report;
}

bool AuditReport::clean() const { return first_leak().empty(); }

std::string AuditReport::first_leak() const {
  if (!faults.empty()) {
    const SplitFault& f = faults.front();
    return fmt::format("{}: {} in {} documents, first in document {} (\"{}\"); wanted none",
                       f.source, f.what, f.found, f.document, f.example);
  }
  for (const SourceCount& s : sources)
    if (const std::string tells = s.declines.tells(); !s.dialogs && !tells.empty())
      return fmt::format("{}: {}; wanted declines at random", s.name, tells);
  for (const Overlap& o : overlaps)
    if (o.allowed.empty())
      return fmt::format(
          "{}{}: {} of {} items stand in {} by {}, first item {} (\"{}\") in document {}; wanted "
          "none",
          o.probe, o.cell.empty() ? "" : "/" + o.cell, o.found, o.items, o.source,
          check_name(o.check), o.example_id, o.example, o.document);
  return {};
}

}  // namespace lineage
