#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"

namespace lineage {

enum class SourceKind : uint8_t { text, code, jsonl, warc };
constexpr std::array<std::string_view, 4> enum_names(SourceKind) {
  return {"text", "code", "jsonl", "warc"};
}

enum class Split : uint8_t { file, blank_lines, delimiter };
constexpr std::array<std::string_view, 3> enum_names(Split) {
  return {"file", "blank_lines", "delimiter"};
}

enum class InvalidText : uint8_t { replace, skip, error };
constexpr std::array<std::string_view, 3> enum_names(InvalidText) {
  return {"replace", "skip", "error"};
}

enum class BadRecord : uint8_t { error, skip };
constexpr std::array<std::string_view, 2> enum_names(BadRecord) { return {"error", "skip"}; }

// The files that Codex's recipe drops (Chen et al. 2021, section 3.1): probably generated ones, an
// average line above 100, a line above 1000, or few alphanumeric characters. Lengths are in bytes.
// The paper gives no share for the last; a quarter is common.
struct CodeFilter {
  double max_mean_line = 100;
  int64_t max_line = 1000;
  double min_alphanumeric = 0.25;
  bool drop_generated = true;
  std::vector<std::string> licences{};  // SPDX names; empty: all
};

template <class V>
void fields(V& v, CodeFilter& c) {
  v("max_mean_line", c.max_mean_line, "drop a file whose lines are longer on average, in bytes",
    between(1, 1 << 30));
  v("max_line", c.max_line, "drop a file that has a longer line, in bytes", between(1, 1 << 30));
  v("min_alphanumeric", c.min_alphanumeric, "drop a file with a lower share of letters and digits",
    between(0, 1));
  v("drop_generated", c.drop_generated,
    "drop files that say at their top that a program wrote them");
  v("licences", c.licences,
    "keep files under these licences only (SPDX names, by SPDX header, else by the nearest LICENSE "
    "or COPYING); empty: keep all");
}

// One source of documents: their location and the filters.
struct SourceConfig {
  SourceKind kind = SourceKind::text;
  std::vector<std::string> paths{};
  std::vector<std::string> include{}, exclude{};
  double weight = 1;
  std::string licence{};
  std::string field = "text";
  Split split = Split::file;
  std::string delimiter = "<|endoftext|>";
  int64_t max_document_bytes = int64_t{16} << 20;
  InvalidText invalid_text = InvalidText::replace;
  BadRecord bad_record = BadRecord::error;
  bool deduplicate = true;
  double heldout = 0.01;
  CodeFilter code{};
};

template <class V>
void fields(V& v, SourceConfig& c) {
  v("kind", c.kind, "text, code, jsonl or warc (which includes WET)");
  v("paths", c.paths, "files, folders (read with all below them) or patterns such as data/**/*.txt",
    kPaths);
  v("include", c.include, "in a folder, take only files that match one of these patterns");
  v("exclude", c.exclude, "leave out files and folders that match one of these patterns");
  v("weight", c.weight, "share of the training rows, relative to the other sources'",
    between(0, 1e9));
  v("licence", c.licence, "what the documents are under, for the record; files may say otherwise");
  v("field", c.field, "jsonl: the field that holds the text, dotted (meta.text, turns.0.content)");
  v("split", c.split,
    "text: one document a file, or between blank_lines, or between delimiter lines");
  v("delimiter", c.delimiter, "text: the line that stands between documents");
  v("max_document_bytes", c.max_document_bytes,
    "text: cut longer documents after a line; other kinds: drop them", between(1, 1 << 30));
  v("invalid_text", c.invalid_text,
    "on invalid UTF-8: replace it by U+FFFD, skip the document, error");
  v("bad_record", c.bad_record, "jsonl: on a record without such a text field: error or skip");
  v("deduplicate", c.deduplicate, "keep only the first of equal documents");
  v("heldout", c.heldout,
    "share of the bytes kept out of training: documents by a hash of their text, or the tail of "
    "one",
    from_to_below(0, 1));
  v("code", c.code, "code: what to leave out");
}

// An Error for invalid values; `name` is the source's, for the message.
void validate(const SourceConfig&, const std::string& name);

}  // namespace lineage
