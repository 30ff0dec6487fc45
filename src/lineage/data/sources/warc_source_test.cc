#include "lineage/data/sources/warc_source.h"

#include <set>
#include <sstream>

#include "lineage/data/sources/html_entities.h"
#include "lineage/data/sources/html_text.h"
#include "lineage/data/sources/http_message.h"
#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

std::string record(const std::string& type, const std::string& block) {
  return "WARC/1.0\r\nWARC-Type: " + type +
         "\r\nWARC-Target-URI: http://a.b/\r\nContent-Length: " + std::to_string(block.size()) +
         "\r\n\r\n" + block + "\r\n\r\n";
}

std::string page(const std::string& body,
                 const std::string& headers = "Content-Type: text/html\r\n",
                 const std::string& status = "200 OK") {
  return record("response", "HTTP/1.1 " + status + "\r\n" + headers + "\r\n" + body);
}

Texts texts(const std::string& bytes, SourceConfig config = {}) {
  const TempFolder folder;
  config.kind = SourceKind::warc;
  config.paths = {folder.write("a.warc", bytes)};
  return summary(read_all(config));
}

TEST(Html, KeepsWhatAReaderSees) {
  EXPECT_EQ(text_of_html("<html><head><title>T</title><script>if (a < b) {}</script><style>p{}"
                         "</style></head><body><h1>Head</h1><p>One\n  two <b>three</b>.<br>four"
                         "<!-- no --><p>five</body></html>"),
            "T\n\nHead\n\nOne two three.\nfour\n\nfive\n");
  EXPECT_EQ(text_of_html("<ul><li>a</li><li>b</ul><table><tr><td>1<td>2</tr></table>"),
            "a\nb\n1 2\n");
  EXPECT_EQ(text_of_html("<pre>\ndef f():\n    return 1\n\n\n\nend</pre>x"),
            "def f():\n    return 1\n\nend\nx\n");
  EXPECT_EQ(text_of_html("a<nav><ul><li>Menu<nav>in</nav></ul></nav>b<button>Press</button>c"),
            "a b c\n");
}

TEST(Html, ForgivesDamage) {
  EXPECT_EQ(text_of_html("a < b && c > d"), "a < b && c > d\n");
  EXPECT_EQ(text_of_html("x<a title='1 > 0' href=\"a>b\">y</a>"), "xy\n");
  EXPECT_EQ(text_of_html("<nav>never closed <p>text"), "never closed\n\ntext\n");
  EXPECT_EQ(text_of_html("seen<script>never closed"), "seen\n");
  EXPECT_EQ(text_of_html("seen<!-- never closed"), "seen\n");
  for (const char* end : {"<", "</", "<a", "<a b='", "&", "&#", "&#x", "&amp", "<!", "<script><"})
    EXPECT_EQ(text_of_html("x" + std::string(end)).front(), 'x') << end;
}

TEST(Html, IsLinearOnHostilePages) {
  std::string menus, quotes, tags;
  for (int i = 0; i < 200000; ++i) menus += "<nav>", quotes += "<a b='", tags += "<script><";
  text_of_html(menus);
  text_of_html(quotes);
  text_of_html("<nav>" + quotes);
  text_of_html(tags);
}

TEST(Html, ResolvesReferences) {
  EXPECT_EQ(text_of_html("&lt;b&gt; caf&eacute; &#233;&#xE9; &#150; &nope; &amp;amp; a&nbsp;b"),
            "<b> café éé – &nope; &amp; a b\n");
  EXPECT_EQ(character_reference("&zwnj;").length, 6u);  // the last of the table
  EXPECT_EQ(character_reference("&AElig;").text, "Æ");  // the first
  EXPECT_EQ(character_reference("&#xD800;").text, "\xEF\xBF\xBD");
  EXPECT_EQ(character_reference("&#99999999999;").text, "\xEF\xBF\xBD");
}

TEST(Http, ReadsHeadersWithoutCase) {
  const HttpResponse r = parse_http(
      "HTTP/1.1 200 OK\r\ncontent-TYPE: Text/HTML; Charset=\"ISO-8859-1\"\r\n\r\nbody", 99);
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.media_type, "text/html");
  EXPECT_EQ(r.charset, "iso-8859-1");
  EXPECT_EQ(r.body, "body");
  EXPECT_TRUE(r.readable);
}

TEST(Http, JoinsChunksAndUnpacks) {
  const auto body = [](const std::string& headers, const std::string& bytes) {
    const HttpResponse r = parse_http("HTTP/1.1 200 OK\r\n" + headers + "\r\n" + bytes, 1 << 20);
    return r.readable ? r.body : "!";
  };
  EXPECT_EQ(body("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
            "abcde");
  EXPECT_EQ(body("Transfer-Encoding: chunked\r\n", "already joined"), "already joined");
  EXPECT_EQ(body("Content-Encoding: gzip\r\n", gzip("packed")), "packed");
  EXPECT_EQ(body("Content-Encoding: gzip\r\n", "already unpacked"), "already unpacked");
  EXPECT_EQ(body("Content-Encoding: br\r\n", "?"), "!");
  EXPECT_EQ(body("Content-Encoding: gzip\r\n", gzip("cut").substr(0, 12)), "!");
  EXPECT_EQ(body("Content-Encoding: gzip\r\n", gzip(std::string(2 << 20, 'a'))), "!");  // a bomb
  EXPECT_FALSE(parse_http("not http at all", 99).readable);
}

TEST(WarcSource, TakesPagesAndConversions) {
  const std::string bytes = record("warcinfo", "software: x") + record("request", "GET /") +
                            page("<p>Hello") + record("conversion", "plain\ntext\n") +
                            page("as it is", "Content-Type: text/plain; charset=utf-8\r\n");
  const Texts wanted = {"Hello\n", "plain\ntext\n", "as it is"};
  EXPECT_EQ(texts(bytes), wanted);
  EXPECT_EQ(texts(gzip(bytes)), wanted);
  EXPECT_EQ(texts(gzip(record("warcinfo", "")) + gzip(page("<p>Hello"))), (Texts{"Hello\n"}));
}

TEST(WarcSource, SaysWhyAPageIsDropped) {
  EXPECT_EQ(
      texts(page("x", "Content-Type: text/html\r\n", "404 Not Found") +
            page("x", "Content-Type: image/png\r\n") +
            page("x", "Content-Type: text/html\r\nContent-Encoding: br\r\n") +
            page("\x81\xFF", "Content-Type: text/html; charset=shift_jis\r\n") +
            page(std::string("\0", 1)) + page("<p> ")),
      (Texts{"!http status", "!media type", "!content encoding", "!charset", "!binary", "!empty"}));
}

TEST(WarcSource, KnowsWesternCharsets) {
  EXPECT_EQ(texts(page("caf\xE9") + page("<meta charset='windows-1252'>\x80") +
                  page("caf\xC3\xA9", "Content-Type: text/html; charset=iso-8859-1\r\n") +
                  page("bad \xFF", "Content-Type: text/html; charset=utf-8\r\n")),
            (Texts{"café\n", "€\n", "café\n", "bad \xEF\xBF\xBD\n"}));
}

TEST(WarcSource, DamageIsAnErrorWithItsPlace) {
  const auto error = [](const std::string& bytes) {
    const std::string text = error_of([&] { texts(bytes); });
    return text.substr(std::min(text.size(), text.find(": ") + 2));
  };
  EXPECT_EQ(error("<html>"),
            "record at byte 0: it begins with '<html>'; wanted WARC/1.0 or WARC/1.1");
  const std::string whole = page("<p>Hello");
  EXPECT_EQ(error(whole + whole.substr(0, whole.size() - 8)),
            "record at byte " + std::to_string(whole.size()) +
                ": 48 of 52 bytes are left in the file; wanted the whole record");
  EXPECT_EQ(error("WARC/1.0\r\nWARC-Type: response\r\n"),
            "record at byte 0: its header does not end; wanted an empty line after the header");
  EXPECT_EQ(error("WARC/1.0\r\nContent-Length: -5\r\n\r\n"),
            "record at byte 0: Content-Length is '-5'; wanted a number of bytes");
  EXPECT_EQ(error("WARC/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            "record at byte 0: Content-Length is '99999999999999999999'; wanted a number of bytes");
  EXPECT_EQ(
      error("WARC/1.0\r\nContent-Length: 18446744073709551615\r\n\r\n"),
      "record at byte 0: 0 of 18446744073709551615 bytes are left in the file; wanted the whole "
      "record");
}

std::multiset<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::multiset<std::string> out;
  for (std::string word; in >> word;) out.insert(word);
  return out;
}

// Common Crawl's own extraction of the same page is the oracle: it keeps menus, which we drop.
TEST(WarcSource, AgreesWithCommonCrawlsTextOfARealPage) {
  LINEAGE_NEEDS_SHARED_DATA();
  const fs::path folder = shared_data() / "pretrain/common_crawl_whirlwind";
  const auto read = [&](const char* name) {
    return read_all({.kind = SourceKind::warc, .paths = {(folder / name).string()}});
  };
  const auto pages = read("whirlwind.warc.gz"), conversions = read("whirlwind.warc.wet.gz");
  ASSERT_EQ(pages.size(), 1u);
  ASSERT_EQ(conversions.size(), 1u);
  const std::string &ours = pages[0].text, &theirs = conversions[0].text;
  EXPECT_TRUE(theirs.starts_with("Escopete - Biquipedia"));
  EXPECT_TRUE(ours.starts_with("Escopete - Biquipedia, a enciclopedia libre\n"));
  const auto our_words = words(ours), their_words = words(theirs);
  std::vector<std::string> common;
  std::set_intersection(our_words.begin(), our_words.end(), their_words.begin(), their_words.end(),
                        std::back_inserter(common));
  const auto n = static_cast<double>(common.size());
  EXPECT_GT(n / static_cast<double>(our_words.size()), 0.9);
  EXPECT_GT(n / static_cast<double>(their_words.size()), 0.6);
  EXPECT_EQ(ours.find('<'), std::string::npos);
}

}  // namespace
}  // namespace lineage
