#include "lineage/documents/document_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/eval/sqlite_file.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostWords = 64, kLongestWord = 64;  // of a query; bytes

// Words that nearly every question has.
constexpr std::array<std::string_view, 66> kStopWords = {
    "a",     "about", "an",   "and",  "are",    "as",  "at",   "be",   "been",  "by",   "can",
    "did",   "do",    "does", "for",  "from",   "had", "has",  "have", "he",    "her",  "him",
    "his",   "how",   "i",    "in",   "is",     "it",  "its",  "me",   "my",    "no",   "not",
    "of",    "on",    "or",   "our",  "please", "say", "she",  "so",   "tell",  "that", "the",
    "their", "them",  "they", "this", "to",     "us",  "was",  "we",   "were",  "what", "when",
    "where", "which", "who",  "whom", "whose",  "why", "will", "with", "would", "you",  "your"};

bool is_word_byte(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x80 || (u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z');
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// At most `most` bytes of UTF-8, whole characters.
size_t whole_characters(std::string_view text, size_t most) {
  if (text.size() <= most) return text.size();
  while (most > 0 && !begins_character(text[most])) --most;
  return most;
}

std::string_view without_blanks(std::string_view s) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = s.find_first_not_of(kBlanks);
  return first == s.npos ? std::string_view()
                         : s.substr(first, s.find_last_not_of(kBlanks) - first + 1);
}

// Where to cut a text that is longer than a passage.
size_t cut_of(std::string_view text) {
  const std::string_view head = text.substr(0, kLongestPassage);
  for (size_t at = head.size(); at-- > 1;)
    if (head[at] == ' ' && std::string_view(".!?;").find(head[at - 1]) != std::string_view::npos)
      return at;
  if (const size_t blank = head.rfind(' '); blank != head.npos && blank > 0) return blank;
  return whole_characters(text, kLongestPassage);
}

bool is_text(const std::string& bytes) {
  return bytes.find('\0') == std::string::npos && valid_utf8(bytes) == bytes;
}

// Every file below the folder, in the order of their names.
std::vector<fs::path> files_below(const fs::path& folder) {
  const auto hidden = [](const fs::path& p) { return p.filename().string().starts_with('.'); };
  std::vector<fs::path> all;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (hidden(at->path())) {
      at.disable_recursion_pending();
      continue;
    }
    if (at->is_regular_file(error)) all.push_back(at->path());
  }
  if (error)
    throw Error(fmt::format("{}: cannot be read ({}); wanted a folder of text files",
                            folder.string(), error.message()),
                "check the path and who may read it");
  std::ranges::sort(all);
  return all;
}

// An Error where the files are too much for memory.
void check_size(const fs::path& folder, const std::vector<fs::path>& files) {
  int64_t bytes = 0;
  std::error_code error;
  for (const fs::path& f : files)
    if (const auto size = fs::file_size(f, error); !error) bytes += static_cast<int64_t>(size);
  if (bytes > DocumentIndex::kMostBytes)
    throw Error(fmt::format("{}: its files have {} MiB; wanted at most {}", folder.string(),
                            bytes >> 20, DocumentIndex::kMostBytes >> 20),
                "name a folder with fewer documents");
}

std::unique_ptr<SqliteFile> empty_index() try {
  auto database = std::make_unique<SqliteFile>(":memory:", SqliteFile::Access::write);
  database->execute(
      "CREATE VIRTUAL TABLE lines USING fts5(text, file UNINDEXED, line UNINDEXED, "
      "tokenize = 'unicode61 remove_diacritics 2')");
  return database;
} catch (const Error& e) {
  throw Error(std::string("the index of documents cannot be made: ") + e.what(),
              "this needs an SQLite that was built with FTS5, as those of the distributions are");
}

// Adds a file's lines, those that are not there yet.
int64_t add_lines(Statement& insert, int64_t file, std::string_view text,
                  std::unordered_set<std::string>& seen) {
  int64_t number = 0, added = 0;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    ++number;
    for (const std::string_view passage : passages_of(text.substr(0, end))) {
      if (!seen.emplace(passage).second) continue;
      insert.bind(passage).bind(file).bind(number).run();
      ++added;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return added;
}

}  // namespace

std::vector<std::string_view> passages_of(std::string_view line) {
  std::vector<std::string_view> all;
  for (line = without_blanks(line); !line.empty(); line = without_blanks(line)) {
    const size_t end = line.size() <= kLongestPassage ? line.size() : cut_of(line);
    all.push_back(without_blanks(line.substr(0, end)));
    line.remove_prefix(end);
  }
  return all;
}

std::string words_query(std::string_view question) {
  // Enough for all words that count, however long the text is.
  const std::string text = valid_utf8(question.substr(0, size_t{1} << 16));
  std::vector<std::string> words, stop_words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = static_cast<size_t>(
        std::find_if_not(text.begin() + static_cast<ptrdiff_t>(at), text.end(), is_word_byte) -
        text.begin());
    std::string word = text.substr(at, end - at);
    at = end + 1;
    word.resize(whole_characters(word, kLongestWord));
    for (char& c : word)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (word.empty()) continue;
    auto& list = std::ranges::binary_search(kStopWords, word) ? stop_words : words;
    if (std::ranges::find(list, word) == list.end() && list.size() < kMostWords)
      list.push_back(std::move(word));
  }
  if (words.empty()) words = std::move(stop_words);
  std::string query;
  for (const std::string& word : words)
    query += fmt::format("{}\"{}\"", query.empty() ? "" : " OR ", word);
  return query;
}

DocumentIndex::DocumentIndex(const fs::path& folder, std::vector<std::string>* notes)
    : database_(empty_index()) {
  const std::vector<fs::path> files = files_below(folder);
  check_size(folder, files);
  database_->transaction([&] {
    std::unordered_set<std::string> seen;
    Statement insert(*database_, "INSERT INTO lines(text, file, line) VALUES (?, ?, ?)");
    for (const fs::path& f : files) {
      const std::string text = read_file(f);
      if (!is_text(text)) {
        if (notes) notes->push_back(f.string() + " is no UTF-8 text; it is left out");
        continue;
      }
      files_.push_back(f.lexically_relative(folder).generic_string());
      lines_ += add_lines(insert, std::ssize(files_) - 1, text, seen);
    }
  });
  if (lines_ == 0)
    throw Error(fmt::format("{}: has no line of text in {} files; wanted text files",
                            folder.string(), files.size()),
                "name the folder that has the documents");
}

DocumentIndex::~DocumentIndex() = default;

std::vector<FoundLine> DocumentIndex::find(std::string_view question, int64_t most) const {
  const std::string query = words_query(question);
  if (query.empty() || most <= 0) return {};
  Statement best(*database_,
                 "SELECT file, line, text, -bm25(lines) FROM lines WHERE lines MATCH ? "
                 "ORDER BY bm25(lines), rowid LIMIT ?");
  best.bind(query).bind(most);
  std::vector<FoundLine> found;
  while (best.step())
    found.push_back({files_[static_cast<size_t>(best.integer(0))], best.integer(1), best.text(2),
                     best.real(3)});
  return found;
}

}  // namespace lineage
