#include <map>

#include "lineage/world/minipy/corpus/statements.h"

namespace lineage {
namespace {

// A program of several statements that prints something.
Draft draft_script(Draw& draw, bool prints) {
  Draft draft;
  Statements s(draw, draft);
  if (draw.chance(0.3)) s.function();
  s.define(Statements::Type::integer);
  if (draw.chance(0.7)) s.define(Statements::Type::integers);
  for (int i = draw.between(1, 4); i > 0; --i) {
    s.statement(prints);
    if (prints && draw.chance(0.4)) s.print();
  }
  if (prints) {
    s.print_variables();
    s.print();
  }
  return draft;
}

constexpr size_t kMostComments = 8;

}  // namespace

std::optional<Document> make_script(const CodeContext& context, Draw& draw) {
  const Draft draft = draft_script(draw, true);
  const auto ran = run_draft(context, draft);
  if (!ran || ran->result.printed.size() > kMostComments) return {};
  // Output is beside the lines only if each prints once and none is in a block; else at the end.
  std::map<int32_t, int> times;
  for (const minipy::Printed& p : ran->result.printed) ++times[p.line];
  bool beside = draw.chance(0.7);
  for (const auto& [line, n] : times) beside &= n == 1 && draft.lines[line - 1].indent == 0;
  CodeWriter w(DocumentType::script);
  size_t next = 0;
  try {
    for (size_t i = 0; i < draft.lines.size(); ++i) {
      w.begin(draft.lines[i].indent).text(draft.lines[i].text);
      const auto& printed = ran->result.printed;
      if (context.outputs && beside && times.contains(static_cast<int32_t>(i + 1)))
        w.text("#").output(printed[next++].text, kOutput);
      w.end();
    }
    if (context.outputs && !beside)
      for (const minipy::Printed& p : ran->result.printed)
        w.begin(0).text("#").output(p.text, kOutput).end();
  } catch (const minipy::Fault&) {
    return {};  // it prints something outside the vocabulary
  }
  return fitting(context, w);
}

std::optional<Document> make_trace(const CodeContext& context, Draw& draw) {
  const Draft draft = draft_script(draw, false);
  const auto ran = run_draft(context, draft, {.limits = {}, .record_assignments = true});
  if (!ran || ran->result.assigned.empty() || ran->result.assigned.size() > 2 * kMostComments)
    return {};
  std::map<int32_t, int> times;
  for (const minipy::Assigned& a : ran->result.assigned) ++times[a.line];
  CodeWriter w(DocumentType::trace);
  const auto state = [&](const minipy::Assigned& a) {
    w.text("#").text(a.name).text("=").output(a.value, kOutput);
  };
  try {
    auto next = ran->result.assigned.begin();
    const auto end = ran->result.assigned.end();
    for (size_t i = 0; i < draft.lines.size(); ++i) {
      const int32_t line = static_cast<int32_t>(i + 1);
      w.begin(draft.lines[i].indent).text(draft.lines[i].text);
      // Straight-line code has its states beside it, a block has all of its states behind it.
      const bool top = draft.lines[i].indent == 0;
      if (top && next != end && next->line == line && times[line] == 1) state(*next++);
      w.end();
      const bool block_ends = i + 1 == draft.lines.size() || draft.starts_statement(i + 1);
      if (!block_ends) continue;
      for (; next != end && next->line <= line; ++next) {
        w.begin(0);
        state(*next);
        w.end();
      }
    }
    // Calls of functions above: their states come where the program ends.
    for (; next != end; ++next) {
      w.begin(0);
      state(*next);
      w.end();
    }
  } catch (const minipy::Fault&) {
    return {};
  }
  return fitting(context, w);
}

std::optional<Document> make_repl(const CodeContext& context, Draw& draw) {
  Draft draft;
  Statements s(draw, draft);
  if (draw.chance(0.25)) s.function();
  s.define(Statements::Type::integer);
  if (draw.chance(0.6)) s.define(Statements::Type::integers);
  for (int i = draw.between(3, 7); i > 0; --i) {
    if (draw.chance(0.55))
      draft.add(0, s.observation());
    else
      s.statement(false);
  }
  draft.add(0, s.observation());
  const auto ran = run_draft(context, draft, {.limits = {}, .echo = true});
  if (!ran) return {};
  CodeWriter w(DocumentType::repl);
  try {
    auto next = ran->result.printed.begin();
    for (size_t i = 0; i < draft.lines.size(); ++i) {
      w.begin(draft.lines[i].indent);
      if (draft.starts_statement(i) && context.outputs) w.text(">>>");
      w.text(draft.lines[i].text).end();
      for (; next != ran->result.printed.end() && next->line == static_cast<int32_t>(i + 1); ++next)
        if (context.outputs) w.begin(0).output(next->text, kOutput).end();
    }
  } catch (const minipy::Fault&) {
    return {};
  }
  return fitting(context, w);
}

}  // namespace lineage
