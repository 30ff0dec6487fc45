#include "lineage/world/minipy/corpus/code_corpus.h"

#include <algorithm>
#include <cmath>

#include "lineage/base/error.h"
#include "lineage/world/item_split.h"
#include "lineage/world/minipy/ast.h"
#include "lineage/world/minipy/words.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

constexpr int64_t kGroup = 4;      // documents of one form in a row
constexpr int64_t kMeasured = 64;  // documents for the mean length of a form

// An answer that may be swapped with another document's: a printed, held or returned value.
struct Span {
  size_t document, begin, end;
};

// Within long modules answers are part of the program. Brackets that close and quotes stay, so that
// it can still be read.
bool permutable(const Document& d, size_t i) {
  const TokenTag& tag = d.tags[i];
  if (!tag.answer) return false;
  if (tag.ability == Ability::code_understanding) return true;
  static const std::vector<Token> stays = words_to_tokens(") ] } '");
  return tag.ability == Ability::long_range && d.type == DocumentType::long_range &&
         std::find(stays.begin(), stays.end(), d.tokens[i]) == stays.end();
}

std::vector<Span> permutable_spans(const std::vector<Document>& documents) {
  std::vector<Span> spans;
  for (size_t d = 0; d < documents.size(); ++d) {
    const Document& doc = documents[d];
    for (size_t i = 0; i < doc.tokens.size(); ++i) {
      if (!permutable(doc, i)) continue;
      const size_t begin = i;
      while (i < doc.tokens.size() && permutable(doc, i) && doc.tags[i] == doc.tags[begin]) ++i;
      spans.push_back({d, begin, i--});
    }
  }
  return spans;
}

// The document with the answers of the one `by` places further on in the group.
Document with_answers_of_others(const std::vector<Document>& documents, size_t own,
                                const std::vector<Span>& spans, size_t by) {
  const Document& mine = documents[own];
  Document out{mine.type, {}, {}};
  const auto copy = [&out](const Document& from, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      out.tokens.push_back(from.tokens[i]);
      out.tags.push_back(from.tags[i]);
    }
  };
  size_t at = 0;
  for (size_t s = 0; s < spans.size(); ++s) {
    if (spans[s].document != own) continue;
    const Span& from = spans[(s + by) % spans.size()];
    copy(mine, at, spans[s].begin);
    copy(documents[from.document], from.begin, from.end);
    at = spans[s].end;
  }
  copy(mine, at, mine.tokens.size());
  return out;
}

// Whether a long module, which contains its answers, now has a key for tests.
bool is_test_module(const Document& d) {
  if (d.type != DocumentType::long_range) return false;
  const std::span<const Token> program(d.tokens.data() + 1, d.tokens.size() - 2);
  try {
    return is_test_key(minipy::canonical_hash(*minipy::parse(minipy::read_words(program).items)));
  } catch (const minipy::Fault&) {
    return false;
  }
}

}  // namespace

CodeCorpus::CodeCorpus(const CodeConfig& config, uint64_t seed, int64_t tokens)
    : config_(config), key_(Rng(seed).fold("code")), tokens_(tokens) {
  require(tokens >= 0, "code corpus: ", tokens, " tokens; wanted at least 0");
  context_.config = config;
  context_.outputs = config.rung != Rung::c0;
  if (config.rung == Rung::text) return;
  const bool control = config.rung >= Rung::c4;
  const CodeShares& s = config.shares;
  const bool traces = config.rung == Rung::c2 || config.rung == Rung::c3;
  std::array<double, kForms> share = {s.script,     s.function,   s.repl,   traces ? s.trace : 0,
                                      s.class_tree, s.long_range, s.bugfix, 0};
  if (control) share = {0, 0, 0, 0, 0, 0, 0, 1};
  double all = 0, documents = 0, total = 0;
  for (double x : share) all += x;
  require(all > 0, "code corpus: every share is 0; wanted one above 0");
  for (size_t f = 0; f < kForms; ++f) {
    if (share[f] == 0) continue;
    int64_t length = 0;
    for (int64_t i = 0; i < kMeasured; ++i)
      length += static_cast<int64_t>(make(static_cast<Form>(f), -1 - i).tokens.size());
    until_[f] = share[f] / static_cast<double>(length);
    documents += until_[f];
    total += share[f];
  }
  const double mean = total / documents / static_cast<double>(kMeasured);
  documents_ = std::llround(static_cast<double>(tokens) / mean);
  double sum = 0;
  for (double& u : until_) u = sum += u / documents;
}

CodeCorpus::Form CodeCorpus::form_of(int64_t group) const {
  // Additive recurrence by the golden ratio: every stretch of the corpus has the shares.
  const double offset = key_.fold("forms").uniform_double(0);
  const double x = offset + 0.6180339887498949 * static_cast<double>(group);
  const double u = x - std::floor(x);
  size_t f = 0;
  while (f + 1 < kForms && (u >= until_[f] || until_[f] == (f > 0 ? until_[f - 1] : 0))) ++f;
  return static_cast<Form>(f);
}

Document CodeCorpus::make(Form form, int64_t index) const {
  const Rng key = key_.fold(static_cast<uint64_t>(form)).fold(static_cast<uint64_t>(index));
  for (uint64_t attempt = 0;; ++attempt) {
    Draw draw(key.fold(attempt));
    std::optional<Document> d;
    switch (form) {
      case kScript:
        d = make_script(context_, draw);
        break;
      case kFunction:
        d = make_function(context_, draw);
        break;
      case kRepl:
        d = make_repl(context_, draw);
        break;
      case kTrace:
        d = make_trace(context_, draw);
        break;
      case kClassTree:
        d = make_class_tree(context_, draw);
        break;
      case kLongRange:
        d = make_long_range(context_, draw);
        break;
      case kBugfix:
        d = make_bugfix(context_, draw);
        break;
      default:
        d = config_.rung == Rung::c4           ? make_brackets(context_, draw)
            : config_.rung == Rung::arithmetic ? make_arithmetic_facts(context_, draw)
                                               : make_procedure(context_, draw);
    }
    if (d && static_cast<int64_t>(d->tokens.size()) <= config_.document_tokens)
      return *std::move(d);
  }
}

Document CodeCorpus::document(int64_t index) const {
  require(0 <= index && index < documents_, "code corpus: document ", index, " of ", documents_);
  return config_.rung == Rung::c3 ? permuted(index) : make(form_of(index / kGroup), index);
}

// All answers of the group move on by so many places that none stays in its document and that no
// module of the group becomes one for tests. Where no such number is, which takes a group with a
// handful of answers, the group stays as it is.
Document CodeCorpus::permuted(int64_t index) const {
  const int64_t group = index / kGroup;
  std::vector<Document> documents;
  for (int64_t d = 0; d < kGroup; ++d)
    documents.push_back(make(form_of(group), group * kGroup + d));
  const std::vector<Span> spans = permutable_spans(documents);
  std::array<size_t, kGroup> of_document{};
  for (const Span& s : spans) ++of_document[s.document];
  const auto own = static_cast<size_t>(index % kGroup);
  for (size_t by = *std::max_element(of_document.begin(), of_document.end()); by < spans.size();
       ++by) {
    bool for_training = true;
    for (size_t d = 0; d < kGroup && for_training; ++d)
      for_training = !is_test_module(with_answers_of_others(documents, d, spans, by));
    if (for_training) return with_answers_of_others(documents, own, spans, by);
  }
  return documents[own];
}

}  // namespace lineage
