#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

class SqliteFile;

// A line of a document, or a passage of a long one.
struct FoundLine {
  std::string file;  // below the folder, with / between its parts
  int64_t line = 0;  // from 1
  std::string text;
  double score = 0;  // bm25: the more, the better it fits
};

// The lines of all text files below a folder, by the words in them (SQLite's FTS5). It is made in
// memory, so it always is of the files as they are, and writes nothing beside them.
class DocumentIndex {
 public:
  // Names that begin with a point are left out, and so are files that are no UTF-8 text; `notes`
  // says which. Of lines that are alike the first one is kept. An Error where there is no line, or
  // where the files are larger than kMostBytes together.
  explicit DocumentIndex(const std::filesystem::path& folder,
                         std::vector<std::string>* notes = nullptr);
  ~DocumentIndex();

  // The lines that fit a question best, at most `most`, best first. Any text is a question; one
  // without a word of the documents finds nothing. One thread at a time.
  std::vector<FoundLine> find(std::string_view question, int64_t most) const;
  int64_t lines() const { return lines_; }
  int64_t files() const { return static_cast<int64_t>(files_.size()); }

  static constexpr int64_t kMostBytes = int64_t{256} << 20;

 private:
  std::vector<std::string> files_;
  int64_t lines_ = 0;
  std::unique_ptr<SqliteFile> database_;
};

// The question's words as a query of FTS5: each between quotes, joined by OR, the first 64 that are
// not alike, without stop words unless there is nothing else. "" for a text without words.
std::string words_query(std::string_view question);
// A line's pieces: whole up to kLongestPassage bytes, else cut at ends of sentences, or, where a
// sentence is longer, at blanks or between characters. UTF-8 stays UTF-8.
constexpr size_t kLongestPassage = 400;
std::vector<std::string_view> passages_of(std::string_view line);

}  // namespace lineage
