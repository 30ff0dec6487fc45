#pragma once

#include <optional>

#include "lineage/world/document.h"
#include "lineage/world/draw.h"
#include "lineage/world/minipy/corpus/code_config.h"

namespace lineage {

// Shared by the forms of the code corpus: the rung's content, and the side of the split that their
// programs are on.
struct CodeContext {
  CodeConfig config;
  bool outputs = true;  // printed and returned values, asserts, comments
  bool test = false;    // programs for probes: a tenth of all, by their key
};

// One document of each form; nothing when the drawn program is unsuitable (it fails, takes too many
// steps, has too great integers, is on the other side of the split, …) and must be drawn again.
std::optional<Document> make_script(const CodeContext&, Draw&);
std::optional<Document> make_function(const CodeContext&, Draw&);
std::optional<Document> make_repl(const CodeContext&, Draw&);
std::optional<Document> make_trace(const CodeContext&, Draw&);
std::optional<Document> make_class_tree(const CodeContext&, Draw&);
std::optional<Document> make_long_range(const CodeContext&, Draw&);
std::optional<Document> make_bugfix(const CodeContext&, Draw&);

// The controls.
Document make_brackets(const CodeContext&, Draw&);          // C4
Document make_arithmetic_facts(const CodeContext&, Draw&);  // CA
Document make_procedure(const CodeContext&, Draw&);         // CN

}  // namespace lineage
