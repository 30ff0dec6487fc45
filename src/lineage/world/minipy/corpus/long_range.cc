#include <cmath>

#include "lineage/world/minipy/corpus/statements.h"

namespace lineage {
namespace {

// A definition whose use is due when the document has that many tokens.
struct Pending {
  std::string name;
  std::string value;  // in words of a program
  size_t due;
};

constexpr int kMostDepth = 6;

size_t log_uniform(size_t low, size_t high, Draw& draw) {
  const double l = std::log(static_cast<double>(low)), h = std::log(static_cast<double>(high));
  return static_cast<size_t>(std::lround(std::exp(l + (h - l) * draw.uniform())));
}

// A value of brackets of all three kinds; `tag` marks those that close a pair of some length.
void nested(int depth, Draw& draw, CodeWriter& w) {
  const auto number = [&] { w.text(std::to_string(draw.between(0, 20))); };
  if (depth == 0) return number();
  const size_t begin = w.size();
  const auto close = [&](std::string_view bracket) {
    w.text(bracket, w.size() - begin >= 8 ? kDistantUse : TokenTag{});
  };
  switch (draw.below(4)) {
    case 0:  // ( number + value ) may not run with lists inside: numbers only
      w.text("(");
      number();
      w.text(draw.chance(0.5) ? "+" : "*");
      number();
      return close(")");
    case 1: {
      w.text("{");
      number();
      w.text(":");
      nested(depth - 1, draw, w);
      return close("}");
    }
    default:
      w.text("[");
      const int items = draw.between(1, 3), deep = draw.below(items);
      for (int i = 0; i < items; ++i) {
        if (i > 0) w.text(",");
        nested(i == deep ? depth - 1 : draw.below(2), draw, w);
      }
      return close("]");
  }
}

class Module {
 public:
  Module(const CodeContext& context, Draw& draw)
      : context_(context), draw_(draw), w_(DocumentType::long_range) {}

  std::optional<Document> run() {
    // Definitions at the top, used to the end.
    for (int i = draw_.between(2, 4); i > 0; --i) define();
    const size_t length = std::min<size_t>(
        log_uniform(80, 240, draw_), static_cast<size_t>(context_.config.document_tokens) - 24);
    while (w_.size() < length) {
      if (!use_due(w_.size())) filler();
    }
    while (!pending_.empty() &&
           w_.size() + 8 < static_cast<size_t>(context_.config.document_tokens))
      use(0);
    return fitting(context_, w_);
  }

 private:
  std::string value() {
    if (draw_.chance(0.6)) return std::to_string(draw_.between(0, 99));
    return "' " +
           std::string(draw_.word({"red", "blue", "green", "gold", "owl", "crow", "bee", "frog",
                                   "soup", "rice", "jam", "tea"})) +
           " '";
  }

  void define() {
    if (taken_.size() > 40) return;
    Pending p{fresh_name(draw_, taken_), value(), 0};
    w_.line(0, p.name + " = " + p.value);
    p.due = w_.size() + log_uniform(8, 200, draw_);
    pending_.push_back(std::move(p));
  }

  bool use_due(size_t now) {
    for (size_t i = 0; i < pending_.size(); ++i)
      if (pending_[i].due <= now) return use(i), true;
    return false;
  }

  // The value again, or, without outputs, just the name.
  void use(size_t i) {
    const Pending p = pending_[i];
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!context_.outputs) return w_.line(0, fresh_name(draw_, taken_) + " = " + p.name);
    const bool print = draw_.chance(0.5);
    w_.begin(0).text(print ? "print ( " + p.name + " ) #" : "assert " + p.name + " ==");
    if (print && p.value.front() == '\'')  // printed without its quotes
      w_.text(p.value.substr(2, p.value.size() - 4), kDistantUse);
    else
      w_.text(p.value, kDistantUse);
    w_.end();
  }

  void filler() {
    switch (draw_.below(5)) {
      case 0:
        return define();
      case 1:
        if (w_.size() + 60 > static_cast<size_t>(context_.config.document_tokens)) return define();
        w_.begin(0).text(fresh_name(draw_, taken_) + " =");
        nested(draw_.between(2, kMostDepth), draw_, w_);
        w_.end();
        return;
      case 2:
        return shadow();
      case 3: {
        const std::string x = fresh_name(draw_, taken_);
        const int a = draw_.between(0, 20), b = draw_.between(0, 20);
        w_.line(0, x + " = " + std::to_string(a) + " + " + std::to_string(b));
        return;
      }
      default:
        return loop();
    }
  }

  // A function whose local has the name of a pending global, whose value stays.
  void shadow() {
    const std::string f = fresh_name(draw_, taken_);
    const std::string x = pending_.empty() ? fresh_name(draw_, taken_) : draw_.pick(pending_).name;
    w_.line(0, "def " + f + " ( ) :");
    w_.line(1, x + " = " + value());
    w_.line(1, "return " + x);
  }

  void loop() {
    const std::string i = fresh_name(draw_, taken_), a = fresh_name(draw_, taken_);
    w_.line(0, a + " = [ ]");
    w_.line(0, "for " + i + " in range ( " + std::to_string(draw_.between(2, 5)) + " ) :");
    w_.line(1, a + " . append ( " + i + " )");
  }

  const CodeContext& context_;
  Draw& draw_;
  CodeWriter w_;
  std::vector<std::string> taken_;
  std::vector<Pending> pending_;
};

}  // namespace

std::optional<Document> make_long_range(const CodeContext& context, Draw& draw) {
  auto document = Module(context, draw).run();
  if (!document) return {};
  // The document is its own program: its asserts hold. Without <src:code> and the end of text.
  const std::span<const Token> program(document->tokens.data() + 1, document->tokens.size() - 2);
  minipy::RunOptions options;
  options.limits.steps = context.config.max_steps;
  try {
    const auto parsed = minipy::parse(minipy::read_words(program).items);
    if (!right_side(context, minipy::canonical_hash(*parsed))) return {};
    const minipy::RunResult r = minipy::run(*parsed, options);
    if (r.outcome != minipy::Outcome::ok || r.greatest > context.config.max_integer) return {};
  } catch (const minipy::Fault&) {
    return {};
  }
  return document;
}

}  // namespace lineage
