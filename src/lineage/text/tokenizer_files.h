#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/text/bpe_model.h"
#include "lineage/text/tokenizer.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {

// The three file formats, between text in memory and models. Parsers throw an Error that starts
// with `place` for invalid input; formatters throw one when the format cannot express the model.
// Tokenizer::load() and save() use these.

// --- The files beside a vocabulary, each as its text; empty if absent.
struct SideFiles {
  std::string added_tokens_json;        // {"text": id}
  std::string special_tokens_map_json;  // names the special tokens: {"eos_token": "[EOS]"}
  std::string tokenizer_config_json;    // likewise; add_bos_token, added_tokens_decoder and more
  std::string generation_config_json;   // eos_token_id
  std::string config_json;              // of the model; eos_token_id
  std::string folder;                   // prefix of their names in errors: "" or "gpt2/"
};

// --- tokenizer.json of the Hugging Face `tokenizers` library: models BPE (byte-level, with the
// patterns of pattern.h) and WordLevel. An unsupported feature that would change the tokens
// (normalizers, prefixes, dropout, other pre-tokenizers) is an Error.
std::shared_ptr<const Tokenizer> parse_huggingface(std::string_view json, const std::string& place,
                                                   const SideFiles& = {});
std::string huggingface_json(const BpeModel&);
std::string huggingface_json(const WordModel&);

// --- vocab.json + merges.txt (encoder.json + vocab.bpe in GPT-2's release). The pattern is
// GPT-2's.
struct Gpt2Files : SideFiles {
  std::string vocab_json, merges_txt;
  std::string vocab_place = "vocab.json", merges_place = "merges.txt";
};
BpeModel parse_gpt2(const Gpt2Files&);
Gpt2Files gpt2_files(const BpeModel&);

// --- .tiktoken: a line per token, base64 of its bytes and its id, which is its rank too. Neither
// the pattern nor the special tokens are in the file.
struct RankFileOptions {
  Pattern pattern = Pattern::gpt2;
  std::vector<SpecialToken> specials;
  int64_t ranks = 0;  // number that the file must have; 0: any
};
// Those of r50k_base, p50k_base, p50k_edit and cl100k_base, by a name that starts with r50k, gpt2,
// p50k_edit, p50k or cl100k.
std::optional<RankFileOptions> known_rank_file(std::string_view name);
BpeModel parse_tiktoken(std::string_view text, const RankFileOptions&, const std::string& place);
std::string tiktoken_ranks(const BpeModel&);
std::shared_ptr<const Tokenizer> load_tiktoken(const fs::path&, const RankFileOptions&);

}  // namespace lineage
