// Writes src/lineage/text/unicode_ranges.h: the code points of the classes that pre-tokenisation
// patterns name, \p{L}, \p{N}, \s (White_Space) and \w, from the Unicode tables of Node. Run it from
// the root of the repository with a Node whose process.versions.unicode is 16.0 or 17.0:
//
//   node tools/unicode_classes.mjs > src/lineage/text/unicode_ranges.h
//
// The tables are those of Unicode 16, which tiktoken and tokenizers have. What Unicode 17 added
// (DerivedAge-17.0.0.txt of unicode.org, age 17.0) is left out.
const kAddedIn17 = [
  [0x088f, 0x088f], [0x0c5c, 0x0c5c], [0x0cdc, 0x0cdc], [0x1acf, 0x1add], [0x1ae0, 0x1aeb],
  [0x20c1, 0x20c1], [0xa7ce, 0xa7cf], [0xa7d2, 0xa7d2], [0xa7d4, 0xa7d4], [0xa7f1, 0xa7f1],
  [0xfbc3, 0xfbd2], [0xfd90, 0xfd91], [0xfdc8, 0xfdce], [0x10940, 0x10959], [0x10ec5, 0x10ec7],
  [0x10ed0, 0x10ed8], [0x10efa, 0x10efb], [0x11b60, 0x11b67], [0x11db0, 0x11ddb], [0x11de0, 0x11de9],
  [0x16ea0, 0x16eb8], [0x16ebb, 0x16ed3], [0x16ff2, 0x16ff6], [0x187f8, 0x187ff], [0x18d09, 0x18d1e],
  [0x18d80, 0x18df2], [0x1ccfa, 0x1ccfc], [0x1ceba, 0x1ced0], [0x1cee0, 0x1cef0], [0x1e6c0, 0x1e6de],
  [0x1e6e0, 0x1e6f5], [0x1e6fe, 0x1e6ff], [0x2b73a, 0x2b73f], [0x2cea2, 0x2cead], [0x323b0, 0x33479],
];

if (!['16.0', '17.0'].includes(process.versions.unicode))
  throw new Error(`Node has Unicode ${process.versions.unicode}; wanted 16.0 or 17.0`);

const kLast = 0x10ffff;
const kWord = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;  // \w of UTS 18, annex C

function classOf(code) {
  if (kAddedIn17.some(([first, last]) => code >= first && code <= last)) return 'other';
  const c = String.fromCodePoint(code);
  if (/\p{White_Space}/u.test(c)) return 'space';
  if (/\p{L}/u.test(c)) return 'letter';
  if (/\p{N}/u.test(c)) return kWord.test(c) ? 'word number' : 'number';
  return kWord.test(c) ? 'word' : 'other';
}

const classes = Array.from({length: kLast + 1}, (_, code) => classOf(code));

function printRanges(name, comment, wanted) {
  console.log(`\n${comment}inline constexpr CodeRange ${name}[] = {`);
  const ranges = [];
  const hex = code => '0x' + code.toString(16).toUpperCase().padStart(4, '0');
  for (let code = 0; code <= kLast; ++code) {
    if (!wanted.includes(classes[code])) continue;
    const first = code;
    while (code < kLast && wanted.includes(classes[code + 1])) ++code;
    ranges.push(`{${hex(first)}, ${hex(code)}},`);
  }
  for (let i = 0; i < ranges.length; i += 5) console.log('    ' + ranges.slice(i, i + 5).join(' '));
  console.log('};');
}

console.log(`// Written by tools/unicode_classes.mjs from Unicode 16.0; not to be edited.
#pragma once

#include <cstdint>

namespace lineage {

// First and last code point.
struct CodeRange {
  uint32_t first, last;
};
// clang-format off`);
printRanges('kLetterRanges', '', ['letter']);
printRanges('kNumberRanges', '', ['number', 'word number']);
printRanges('kSpaceRanges', '', ['space']);
printRanges('kOtherWordRanges', '// \\w besides letters: numbers and others.\n', ['word', 'word number']);
console.log('\n// clang-format on\n}  // namespace lineage');
