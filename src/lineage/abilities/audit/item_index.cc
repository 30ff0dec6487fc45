#include "lineage/abilities/audit/item_index.h"

#include <algorithm>

#include "lineage/abilities/audit/slots.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

// The words that documents of a source begin with say nothing of the item.
std::span<const Token> without_source(std::span<const Token> question) {
  static const std::span<const Token> sources = Vocabulary::get().tokens("sources");
  const bool has =
      !question.empty() && std::find(sources.begin(), sources.end(), question[0]) != sources.end();
  return has ? question.subspan(1) : question;
}

// Answers are compared up to how they end.
std::span<const Token> without_end(std::span<const Token> answer) {
  static const Token stop = word_token("."), line = word_token("\n");
  while (answer.size() > 1 && (answer.back() == stop || answer.back() == line))
    answer = answer.first(answer.size() - 1);
  return answer;
}

// The marks after which a sentence can begin.
bool ends_sentence(Token t) {
  static const std::vector<Token> ends = words_to_tokens(
      ". : ? ; ! -> \n <user> <bot> <eot> <src:enc> <src:web> <src:news> <src:code>");
  return std::find(ends.begin(), ends.end(), t) != ends.end();
}

bool is_program(ContentKind kind) { return kind == ContentKind::program; }

}  // namespace

ItemIndex::ItemIndex(const std::vector<AuditProbe>& probes) {
  std::vector<Token> all;
  TokenHashes hashes;
  for (const AuditProbe& probe : probes)
    for (const AuditItem& audited : probe.items) {
      const auto number = static_cast<uint32_t>(items_.size());
      Item& item = items_.emplace_back();
      all = audited.question;
      all.insert(all.end(), audited.target.begin(), audited.target.end());
      hashes.read(all);
      for (size_t i = 0; i + kGram <= all.size(); ++i)
        if (slot_bits(std::span(all).subspan(i, kGram)) >= kSpecificBits)
          item.grams.push_back(grams_.insert(hashes.of(i, i + kGram)));
      const auto add_key = [&](ContentKind kind, uint64_t hash) {
        auto& keys = is_program(kind) ? item.programs : item.keys;
        const uint32_t key = keys_.insert(hash);
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
      };
      // The question, and the program that it becomes with its right answer.
      read_content_keys(audited.question, ContentPlace::item, [&](ContentKind kind, uint64_t hash) {
        if (!is_program(kind)) add_key(kind, hash);
      });
      read_content_keys(all, ContentPlace::item, [&](ContentKind kind, uint64_t hash) {
        if (is_program(kind)) add_key(kind, hash);
      });
      add_exact(number, audited);
    }
}

void ItemIndex::add_exact(uint32_t number, const AuditItem& item) {
  const bool sentence = item.question.empty();
  const std::span<const Token> question =
      sentence ? std::span<const Token>(item.target) : without_source(item.question);
  const std::span<const Token> target =
      sentence ? std::span<const Token>() : without_end(item.target);
  if (question.empty()) return;
  const bool goes_on = item.continues || question.size() < item.question.size();
  const size_t length = std::min(question.size(), kAnchor);
  const uint32_t anchor = anchors_[length].insert(token_hash(question.last(length)));
  auto& entries = at_anchor_[length];
  if (anchor == entries.size()) entries.emplace_back();
  entries[anchor].push_back({number, static_cast<uint32_t>(question.size()), token_hash(question),
                             static_cast<uint32_t>(target.size()), goes_on ? 0u : kGap,
                             token_hash(target)});
}

std::unique_ptr<ItemIndex::Found> ItemIndex::nothing_found() const {
  return std::unique_ptr<Found>(
      new Found{FirstSeen(grams_.size()), FirstSeen(items_.size()), FirstSeen(keys_.size())});
}

void ItemIndex::search(std::span<const Token> text, const TokenHashes& hashes, int64_t document,
                       Found& found) const {
  for (size_t i = 0; i + kGram <= text.size(); ++i)
    if (const uint32_t gram = grams_.find(hashes.of(i, i + kGram)); gram != HashTable::kNone)
      found.grams.see(gram, document);
  search_exact(text, hashes, document, found);
  read_content_keys(text, ContentPlace::document, [&](ContentKind, uint64_t hash) {
    if (const uint32_t key = keys_.find(hash); key != HashTable::kNone)
      found.keys.see(key, document);
  });
}

void ItemIndex::search_exact(std::span<const Token> text, const TokenHashes& hashes,
                             int64_t document, Found& found) const {
  static const Token comma = word_token(",");
  for (size_t length = 1; length <= kAnchor; ++length) {
    if (at_anchor_[length].empty()) continue;
    for (size_t end = length; end <= text.size(); ++end) {
      const uint32_t anchor = anchors_[length].find(hashes.of(end - length, end));
      if (anchor == HashTable::kNone) continue;
      for (const Exact& e : at_anchor_[length][anchor]) {
        if (e.question_size > end || hashes.of(end - e.question_size, end) != e.question) continue;
        if (e.target_size == 0) {
          const size_t begin = end - e.question_size;
          if (begin == 0 || ends_sentence(text[begin - 1])) found.exact.see(e.item, document);
          continue;
        }
        const bool goes_on = end < text.size() && text[end] == comma;  // another question
        const size_t most = goes_on ? 0 : e.gap;
        for (size_t gap = 0; gap <= most && end + gap + e.target_size <= text.size(); ++gap)
          if (hashes.of(end + gap, end + gap + e.target_size) == e.target)
            found.exact.see(e.item, document);
      }
    }
  }
}

bool ItemIndex::judges(size_t item, Check check) const {
  const Item& i = items_[item];
  return check == Check::grams     ? i.grams.size() >= kFewestGrams
         : check == Check::key     ? !i.keys.empty()
         : check == Check::program ? !i.programs.empty()
                                   : true;
}

int64_t ItemIndex::first_document(size_t number, Check check, const Found& found) const {
  const Item& item = items_[number];
  int64_t first = FirstSeen::kNever;
  switch (check) {
    case Check::exact:
      return found.exact.of(number);
    case Check::grams: {
      size_t seen = 0;
      for (uint32_t gram : item.grams) {
        seen += found.grams.of(gram) != FirstSeen::kNever;
        first = std::min(first, found.grams.of(gram));
      }
      return 2 * seen >= item.grams.size() ? first : FirstSeen::kNever;
    }
    case Check::key:
    case Check::program:
      for (uint32_t key : check == Check::key ? item.keys : item.programs)
        first = std::min(first, found.keys.of(key));
      return first;
  }
  return first;
}

}  // namespace lineage
