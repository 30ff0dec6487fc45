#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lineage/text/tokenizer_files.h"

namespace lineage {

// The content of the files beside a vocabulary, read and checked.
struct SideFacts {
  struct Added {
    Token id = -1;
    std::string text;
    bool special = false;
    bool lstrip = false, rstrip = false, single_word = false, normalized = false;
    std::string place;  // the file with this entry
    SpecialToken token() const {
      return {id, text, {}, lstrip, rstrip, single_word, !special && normalized};
    }
  };
  std::vector<Added> added;
  std::unordered_set<std::string> special_texts;  // those to which a file gives a part
  // The tokens of a part that files name, in the files' order of precedence, then by their ids.
  struct Named {
    std::optional<std::string> text;
    std::optional<Token> id;
  };
  std::vector<Named> end_of_text, pad;
  std::optional<std::string> begin_text;  // bos_token
  std::optional<bool> add_begin;          // add_bos_token
  std::optional<bool> add_prefix_space;
  std::string tokenizer_class;
  std::string config_place;  // of tokenizer_config.json
};

// `entries`: the number of tokens in the vocabulary, which bounds their ids.
SideFacts read_side_files(const SideFiles&, size_t entries);

// Sets the parts of the named tokens, unless their texts imply the same.
void name_parts(const SideFacts&, std::vector<SpecialToken>& specials);

// The tokens before every text: those of a template, else the bos_token if the files enable it.
std::vector<Token> begin_of_text(const SideFacts&, std::vector<Token> of_template,
                                 const std::vector<SpecialToken>& specials);

}  // namespace lineage
