#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "lineage/text/tokenizer.h"

namespace lineage {

// The content of a question, read from its words alone and so the same for items and documents:
//  - program: a whole program of the code corpus, or a function wherever it stands, by its syntax
//    tree with identifiers renamed;
//  - docstring: what a function is said to do;
//  - payload: what an instruction is applied to ("cat , lamp , owl" of "reverse : cat , lamp ,
//  owl"),
//    whatever its wording and format;
//  - problem: a word problem's premises and question with its persons and goods renamed by order;
//  - sum: a sum or difference of numbers of several digits.
enum class ContentKind : uint8_t { program, docstring, payload, problem, sum };

// Where it stands: a document of a corpus, in which payloads and problems are what the user of a
// conversation says; or what an item asks, with its right answer. The program of an item of code is
// the whole of it, without the functions inside.
enum class ContentPlace : uint8_t { document, item };

using KeySink = std::function<void(ContentKind, uint64_t hash)>;
void read_content_keys(std::span<const Token>, ContentPlace, const KeySink&);

}  // namespace lineage
