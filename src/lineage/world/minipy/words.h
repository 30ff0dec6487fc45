#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lineage/text/tokenizer.h"
#include "lineage/world/minipy/run.h"

namespace lineage::minipy {

// Programs as words of the vocabulary. Layout is explicit ("\n", "<indent>", "<dedent>"), a string
// is its words between quotes (the content is these words joined by one space; between double
// quotes it is a docstring), and the digits of an integer from 100 up are adjacent words.

// The lexemes of a program; comments ("#" to the end of the line) are left out, and blocks still
// open at the end are closed. Throws Fault(syntax_error) for invalid programs.
Lexemes read_words(std::span<const Token>);

// Appends the words of a program, without Mark::end. Throws Fault(unsupported) when a name, or a
// word of a string, is not in the vocabulary.
void write_words(const std::vector<Lexeme>&, std::vector<Token>& out);

// Appends printed text, such as "[1, 'cat'] 250". Throws Fault(unsupported) as above.
void write_text(std::string_view text, std::vector<Token>& out);

// Appends code that is already words separated by spaces: "x += 250". Throws as above.
void write_code(std::string_view code, std::vector<Token>& out);

// Parses and runs, as run_source().
RunResult run_words(std::span<const Token>, const RunOptions& = {});

}  // namespace lineage::minipy
