#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "lineage/text/tokenizer.h"

namespace lineage {

// The content of a question, read from its words alone and so the same for items and documents:
//  - program: a whole program of the code corpus, or any function within a text, by its syntax
//    tree with identifiers renamed;
//  - docstring: a function's task in words;
//  - payload: the input of an instruction ("cat , lamp , owl" of "reverse : cat , lamp ,
//  owl"),
//    whatever its wording and format;
//  - problem: a word problem's premises and question with its persons and goods renamed by order;
//  - sum: a sum or difference of numbers of several digits.
enum class ContentKind : uint8_t { program, docstring, payload, problem, sum };

// The place of the content: a document of a corpus, whose payloads and problems are in the user's
// turns of a conversation; or an item's question with its right answer. The program of an item of
// code is the whole of it, without the functions inside.
enum class ContentPlace : uint8_t { document, item };

using KeySink = std::function<void(ContentKind, uint64_t hash)>;
void read_content_keys(std::span<const Token>, ContentPlace, const KeySink&);

}  // namespace lineage
