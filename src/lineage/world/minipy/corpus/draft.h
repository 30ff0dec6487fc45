#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lineage/world/document.h"
#include "lineage/world/minipy/corpus/code_forms.h"
#include "lineage/world/minipy/words.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

// A program as lines of words, before it is run and becomes a document.
struct Draft {
  struct Line {
    int indent;
    std::string text;  // words separated by spaces
  };
  std::vector<Line> lines;

  void add(int indent, std::string text) { lines.push_back({indent, std::move(text)}); }
  // A line that starts a statement of the module, not a block's line nor "else :".
  bool starts_statement(size_t line) const {
    return lines[line].indent == 0 && !lines[line].text.starts_with("el");
  }
  std::vector<Token> tokens() const;
};

// A draft that was parsed and run to a clean end, within the limits of the config and on the
// context's side of the split.
struct Ran {
  std::unique_ptr<minipy::Program> program;  // the names in `result` point into it
  minipy::RunResult result;
  uint64_t key = 0;
};
std::optional<Ran> run_draft(const CodeContext&, const Draft&, minipy::RunOptions = {});
bool right_side(const CodeContext&, uint64_t key);

// Lays out lines of code in a document.
class CodeWriter {
 public:
  explicit CodeWriter(DocumentType);

  // Begins a line: dedents or indents come first.
  CodeWriter& begin(int indent);
  CodeWriter& text(std::string_view words, TokenTag tag = {});
  CodeWriter& output(std::string_view printed, TokenTag tag);  // as Python prints it
  CodeWriter& end();
  // A line of its own: "# …".
  CodeWriter& comment(int indent, std::string_view words);
  void line(int indent, std::string_view words, TokenTag tag = {}) {
    begin(indent).text(words, tag).end();
  }
  size_t size() const { return document_.size(); }
  Document finish();  // closes the blocks

 private:
  DocumentWriter document_;
  int indent_ = 0;
};

inline constexpr TokenTag kOutput{Ability::code_understanding, true};
inline constexpr TokenTag kCodeAfterDocstring{Ability::code_generation, true};
inline constexpr TokenTag kDistantUse{Ability::long_range, true};

// Nothing when the document is longer than the config allows.
std::optional<Document> fitting(const CodeContext&, CodeWriter&);

// A new variable's name, which is added to `taken`; letters more often than words.
std::string fresh_name(Draw&, std::vector<std::string>& taken);

}  // namespace lineage
