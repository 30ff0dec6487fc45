#pragma once

#include <string>
#include <vector>

#include "lineage/base/json.h"
#include "lineage/eval/instance.h"

// The fields of a benchmark's record, by their meaning. Each Error has the record's place, the
// field and the wanted value, and helps with --skip-malformed.
namespace lineage::record {

// Without white space at its ends.
std::string trimmed(std::string);

// The record's text, which is not blank, as it is written.
std::string text(const JsonObject&, const char* key);
// A text that a record may lack: "" then.
std::string text_or_none(const JsonObject&, const char* key);
std::string text_or_number(const JsonObject&, const char* key);
// At least so many texts, trimmed.
std::vector<Part> texts(const JsonObject&, const char* key, size_t least);

// The place of the right choice: a number from 0, in some copies as digits, in others its letter or
// its text. An Error where it could mean two of them.
int index(const JsonObject&, const char* key, const std::vector<Part>& choices);

// The place of the key's label among those of choices.
int label_index(const JsonObject&, const char* key, const std::vector<Part>& labels);

// "A", "B", …: the letters of so many choices; and their lines, "\nA. TEXT" each.
std::vector<Part> letters(size_t choices);
std::string lettered(const std::vector<Part>& choices);

// A cluster for the questions about one text.
std::string cluster_of(const std::string& passage);

// JSON for a literal of Python (lists, dictionaries, texts in either quotes), as some hub copies
// have in place of JSON.
std::string json_of_python(const std::string& literal);

// The key that holds the text which a question is about.
const char* passage_key(const JsonObject&);

// For a test split, which is published without its answers.
[[noreturn]] void refuse_unlabelled(const JsonObject&, const char* key);

constexpr const char* kMend = "mend the line, or leave such lines out with --skip-malformed";

}  // namespace lineage::record
