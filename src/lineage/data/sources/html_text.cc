#include "lineage/data/sources/html_text.h"

#include <algorithm>
#include <array>

#include "lineage/data/sources/ascii.h"
#include "lineage/data/sources/html_entities.h"

namespace lineage {
namespace {

template <size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Elements that are invisible or no prose. Everything up to the end tag is left out.
constexpr std::array<std::string_view, 13> kSkipped = {
    "script", "style",  "noscript", "template", "svg",      "math", "iframe",
    "object", "canvas", "select",   "button",   "textarea", "nav"};
// Inside these, "<" begins nothing but their own end tag.
constexpr std::array<std::string_view, 3> kRaw = {"script", "style", "textarea"};
constexpr std::array<std::string_view, 35> kBlocks = {
    "address",    "article", "aside",   "blockquote", "body",    "br",      "caption",
    "center",     "dd",      "details", "div",        "dl",      "dt",      "fieldset",
    "figcaption", "figure",  "footer",  "form",       "header",  "hr",      "li",
    "main",       "ol",      "option",  "pre",        "section", "summary", "table",
    "tbody",      "thead",   "title",   "tr",         "ul",      "head",    "html"};
constexpr std::array<std::string_view, 7> kParagraphs = {"p", "h1", "h2", "h3", "h4", "h5", "h6"};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

// The text as it grows: breaks and spaces are owed until the next character needs them.
class Lines {
 public:
  void add(char c, bool preformatted) {
    if (preformatted ? c == '\r' : is_space(c)) {
      space_ |= !preformatted;
      return;
    }
    if (preformatted && c == '\n') {
      newlines_ = std::min(newlines_ + 1, 2);
      return;
    }
    pay();
    out_ += c;
  }
  void space() { space_ = true; }
  void end_line(int newlines) { newlines_ = std::max(newlines_, newlines); }
  std::string finish() {
    if (!out_.empty()) out_ += '\n';
    return std::move(out_);
  }

 private:
  void pay() {
    if (!out_.empty()) {
      if (newlines_ > 0)
        out_.append(static_cast<size_t>(newlines_), '\n');
      else if (space_)
        out_ += ' ';
    }
    newlines_ = 0;
    space_ = false;
  }
  std::string out_;
  int newlines_ = 0;
  bool space_ = false;
};

struct Tag {
  std::string name;  // lower case
  bool closes = false;
  size_t attributes = 0;  // where its name ends
};

class Extractor {
 public:
  explicit Extractor(std::string_view html) : html_(html) {}

  std::string run() {
    while (at_ < html_.size()) {
      if (html_[at_] == '<')
        markup();
      else if (html_[at_] == '&')
        reference();
      else
        lines_.add(html_[at_++], preformatted_ > 0);
    }
    return lines_.finish();
  }

 private:
  void markup() {
    const std::string_view rest = html_.substr(at_);
    if (rest.starts_with("<!--")) {
      skip_past("-->", at_ + 4);
    } else if (rest.starts_with("<!") || rest.starts_with("<?")) {
      skip_past(">", at_ + 2);
    } else if (rest.size() > 1 && (is_letter(rest[1]) || rest[1] == '/')) {
      const Tag tag = read_tag();
      at_ = tag_end(tag);
      apply(tag);
    } else {
      lines_.add(html_[at_++], preformatted_ > 0);  // "a < b"
    }
  }

  void apply(const Tag& tag) {
    if (!tag.closes && one_of(tag.name, kSkipped)) {
      skip_element(tag.name);
      lines_.space();
    } else if (tag.name == "pre") {
      preformatted_ = std::max(0, preformatted_ + (tag.closes ? -1 : 1));
      lines_.end_line(1);
    } else if (one_of(tag.name, kParagraphs)) {
      lines_.end_line(2);
    } else if (one_of(tag.name, kBlocks)) {
      lines_.end_line(1);
    } else if (tag.name == "td" || tag.name == "th") {
      lines_.space();
    }
  }

  // Goes behind the matching end tag. A menu that is never closed is read like any other element; a
  // script that is not closed hides the rest of the page, as it does in a browser.
  void skip_element(const std::string& name) {
    const bool raw = one_of(name, kRaw);
    const size_t begin = at_;
    int depth = 1;
    while (depth > 0) {
      at_ = html_.find('<', at_);
      if (at_ >= html_.size()) break;
      const Tag tag = read_tag();
      const bool counts = tag.name == name && (tag.closes || !raw);
      at_ = counts ? tag_end(tag) : at_ + 1;
      if (counts) depth += tag.closes ? -1 : 1;
    }
    if (depth == 0) return;
    at_ = raw || unclosed_ >= 8 ? html_.size() : begin;
    ++unclosed_;  // bounded, so that a page of open menus stays linear
  }

  // The name of the tag at at_, which is a '<'.
  Tag read_tag() const {
    Tag tag;
    size_t i = at_ + 1;
    if (i < html_.size() && html_[i] == '/') tag.closes = true, ++i;
    while (i < html_.size() && !is_space(html_[i]) && html_[i] != '>' && html_[i] != '/' &&
           tag.name.size() < 32)
      tag.name += ascii_lower(html_[i++]);
    tag.attributes = i;
    return tag;
  }

  // Behind the tag's '>'; one inside quotes does not end it.
  size_t tag_end(const Tag& tag) const {
    char quote = 0;
    size_t i = tag.attributes;
    for (; i < html_.size() && (quote || html_[i] != '>'); ++i)
      if (quote ? html_[i] == quote : (html_[i] == '"' || html_[i] == '\'') && html_[i - 1] == '=')
        quote = quote ? '\0' : html_[i];
    return std::min(i + 1, html_.size());
  }

  void reference() {
    const auto [text, length] = character_reference(html_.substr(at_, 40));
    if (length == 0) return lines_.add(html_[at_++], preformatted_ > 0);
    at_ += length;
    if (text == "\xC2\xA0") return lines_.space();  // a no-break space
    for (const char c : text) lines_.add(c, preformatted_ > 0);
  }

  void skip_past(std::string_view end, size_t from) {
    const size_t found = html_.find(end, from);
    at_ = found == std::string_view::npos ? html_.size() : found + end.size();
  }

  std::string_view html_;
  size_t at_ = 0;
  Lines lines_;
  int preformatted_ = 0, unclosed_ = 0;
};

}  // namespace

std::string text_of_html(std::string_view html) { return Extractor(html).run(); }

std::string html_charset(std::string_view html) {
  std::string head(html.substr(0, 1024));
  std::transform(head.begin(), head.end(), head.begin(), [](char c) { return ascii_lower(c); });
  size_t at = head.find("charset=");
  if (at == std::string::npos || head.find("<meta") > at) return {};
  at = head.find_first_not_of("\"' ", at + 8);
  if (at == std::string::npos) return {};
  return head.substr(at, head.find_first_of("\"' />;", at) - at);
}

}  // namespace lineage
