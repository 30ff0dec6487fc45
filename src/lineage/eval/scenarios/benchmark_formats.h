#pragma once

#include "lineage/eval/scenarios/file_format.h"

// The rows of file_formats(), by the kind of their answers.
namespace lineage {

// A choice among texts or letters (choice_formats.cc).
std::span<const FileFormat> choice_formats();
// A text that the model writes (answer_formats.cc).
std::span<const FileFormat> answer_formats();
// A program that is executed (program_formats.cc).
std::span<const FileFormat> program_formats();

// BoolQ's answer is true or false; SuperGLUE's copy has a label, 0 or 1.
bool is_yes_or_no(const JsonObject&);

}  // namespace lineage
