#include "lineage/data/csv_records.h"

#include <gtest/gtest.h>

namespace lineage {
namespace {

using Fields = std::vector<std::string>;

std::vector<CsvRecord> rows_of(const std::string& text, size_t limit = 1000) {
  Reader reader(stream_of(text, "x.csv"));
  CsvRecords records(limit);
  std::vector<CsvRecord> rows;
  for (CsvRecord row; records.next(reader, row);) rows.push_back(row);
  return rows;
}

TEST(CsvRecords, QuotesHoldCommasLinesAndQuotes) {
  const auto rows = rows_of("a,b,\n\n\"x, y\",\"say \"\"no\"\"\n\nor\",5\" wide\" \r\nlast,,\"\"");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b", ""}));
  EXPECT_EQ(rows[1].fields, (Fields{"x, y", "say \"no\"\n\nor", "5\" wide\" "}));
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_EQ(rows[2].fields, (Fields{"last", "", ""}));
  EXPECT_EQ(rows[2].line, 6);
}

TEST(CsvRecords, RowsWithoutEndAreMarked) {
  const auto rows = rows_of("a,\"b\nc\n");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows[0].open_quote);
  const auto long_rows = rows_of("0123456789,0123456789\na,b\n", 8);
  ASSERT_EQ(long_rows.size(), 2u);
  EXPECT_TRUE(long_rows[0].too_large);
  EXPECT_EQ(long_rows[1].fields, (Fields{"a", "b"}));
  EXPECT_TRUE(rows_of(" \n\n").empty());
}

}  // namespace
}  // namespace lineage
