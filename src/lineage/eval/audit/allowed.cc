#include "lineage/eval/audit/allowed.h"

namespace lineage {
namespace {

constexpr std::string_view kCommonCode =
    "bodies of one or two operations are common code, in helpers and among wrong bodies too; what "
    "is held out is the docstring, which the key compares";

constexpr AllowedOverlap kAllowed[] = {
    {"A02", "", "text", "13-grams", 0.01,
     "a story that repeats a sentence is soon like another; any story goes on with it that the "
     "grammar derives, so there is no answer to know"},
    {"A03.told", "", "text", "exact 13-grams", 1,
     "asked in words of the text on purpose, beside A03.cloze, whose wordings it has not"},
    {"A04", "stated", "text", "exact", 1, "what is stated is to be known from the text"},
    {"A04", "exception", "text", "exact", 1,
     "an exception follows from nothing, so the text states it"},
    {"A06.function.k0", "", "text", "exact 13-grams", 1,
     "without an example no function is meant, and others give the same value; k0 is the control "
     "of the other rows"},
    {"A18.partiality", "", "text", "exact", 1,
     "opinions are in the text by design: which side it takes is what is measured"},
    {"A18.contested", "topics of tuning", "demonstrations", "exact", 1,
     "what tuning tells of these topics; the other cell asks of topics held out"},
    {"A20", "core", "text", "exact", 1,
     "what was told often is what a model can know; asked is whether it says so"},
    {"A08", "F11", "text", "exact", 0.1,
     "pages ask of cities and companies too; of persons tests ask the H-half alone"},
    {"A08", "F22", "demonstrations", "13-grams", 0.05,
     "a passage about another person may have the same place and thing; what is asked for stands "
     "in the item"},
    {"A25.facts", "told_in_b", "text", "exact", 1, "told in B: B's text states them"},
    {"A10", "", "code demonstrations", "program", 1, kCommonCode},
    {"A11.output", "", "code", "13-grams", 0.02,
     "a program that begins like many prints the same lists"},
    {"A11.body", "", "code demonstrations", "program", 1, kCommonCode},
    {"A09.families", "F34", "code demonstrations", "program", 1,
     "functions of one operation are common code; what is held out is to repair one on request"},
    {"A08", "F3", "code", "program", 1,
     "functions of one operation are common code; asked for are words for them, or the reverse"},
    {"A26", "", "text demonstrations", "exact 13-grams", 1,
     "no ability: any text of the corpus's kinds, on which a model is compared with its parent"},
    {"A09.forms", "", "code", "program", 1,
     "functions of one operation are common code; what is held out is the wording or the format"},
};

bool has_word(std::string_view words, std::string_view word) {
  for (size_t at = 0; at < words.size();) {
    const size_t stop = std::min(words.find(' ', at), words.size());
    if (words.substr(at, stop - at) == word) return true;
    at = stop + 1;
  }
  return false;
}

}  // namespace

std::span<const AllowedOverlap> allowed_overlaps() { return kAllowed; }

std::string_view allowed_reason(const Overlap& o, AuditSource::Kind kind) {
  for (const AllowedOverlap& a : kAllowed)
    if (o.probe.starts_with(a.probe) && o.cell.starts_with(a.cell) &&
        has_word(a.sources, source_kind_name(kind)) && has_word(a.checks, check_name(o.check)) &&
        static_cast<double>(o.found) <= a.share * static_cast<double>(o.items))
      return a.why;
  return {};
}

}  // namespace lineage
