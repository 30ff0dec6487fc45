#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

namespace fs = std::filesystem;

using Token = int32_t;

// The parts that a special token can play, whatever its text is in a given file: the end of text
// is "<|endoftext|>" in GPT-2's files and "</s>" in OPT's. special_texts() lists the spellings.
enum class Special : uint8_t { end_of_text, system, user, assistant, end_of_turn, pad };

struct SpecialToken {
  Token id = -1;
  std::string text;
  // The part that a file names for this token ("eos_token": "[EOS]"), if its text implies none. It
  // takes precedence over the known spellings.
  std::optional<Special> part = {};
  // How it is found in text, as an AddedToken of `tokenizers`.
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and behind it
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // in the normalized text, its own text normalized too
  bool operator==(const SpecialToken&) const = default;
};

// The formats of files: `huggingface` is a tokenizer.json, our own canonical form, and keeps
// everything; `gpt2` is vocab.json + merges.txt (+ added_tokens.json); `tiktoken` is a rank file.
enum class TokenizerFormat : uint8_t { huggingface, gpt2, tiktoken };

// Text to tokens and back; one base for byte-level BPE (bpe_tokenizer.h) and for words of a closed
// vocabulary (word_tokenizer.h). Immutable: any number of threads may use one at a time.
//
// encode() never produces a special token, for any text, but the one for what the vocabulary lacks
// ("<unk>"); only special() and an explicit encode_with_specials() do, so text cannot forge a turn.
class Tokenizer {
 public:
  // Reads a folder (tokenizer.json, else vocab.json + merges.txt, else encoder.json + vocab.bpe,
  // else the one *.tiktoken there) or one of these files, with its special tokens from the files
  // beside it (tokenizer_files.h: SideFiles). The pattern and the special tokens of a rank file
  // follow from its name (r50k…, p50k…, cl100k…); see tokenizer_files.h to state them.
  static std::shared_ptr<const Tokenizer> load(const fs::path&);
  // Whether the folder has a tokenizer's vocabulary, also of a kind that load() refuses.
  static bool lies_in(const fs::path& folder);

  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // The file or files of that format, written whole or not at all. For tokenizer.json and rank
  // files `path` is the file, or an existing folder (then tokenizer.json or tokenizer.tiktoken in
  // it); for gpt2 it is a folder, made when absent. An Error when the format cannot express this
  // tokenizer.
  virtual void save(const fs::path& path,
                    TokenizerFormat format = TokenizerFormat::huggingface) const = 0;

  // Any bytes, valid UTF-8 or not.
  std::vector<Token> encode(std::string_view text) const;
  // As encode(), added to the end of `out`.
  void encode_append(std::string_view text, std::vector<Token>& out) const;
  // Of a text that follows other text: LLaMA's tokenizer adds a space before a text, but not here.
  std::vector<Token> encode_after(std::string_view text) const;
  // The special tokens named in `allowed` (by text) are found in the text, leftmost and longest
  // first; the rest is encoded as by encode(). A name that is not a special token is an Error.
  std::vector<Token> encode_with_specials(std::string_view text,
                                          std::span<const std::string> allowed) const;
  // Every special token is found.
  std::vector<Token> encode_with_specials(std::string_view text) const;
  // One result for each text, on all threads; the same whatever their number.
  std::vector<std::vector<Token>> encode_batch(std::span<const std::string_view> texts) const;
  // One long text on all threads; equal to encode(text).
  virtual std::vector<Token> encode_parallel(std::string_view text) const { return encode(text); }

  // The text of the tokens, special ones by their spelling. An Error for an unknown id.
  std::string decode(std::span<const Token> tokens) const;
  // Adds to `out` the bytes that `token` adds to a text that ended with `previous` (-1: at its
  // start). Words are joined by spaces; LLaMA's BPE drops a space at the start; for other BPE the
  // previous token does not matter.
  virtual void append_piece(Token previous, Token token, std::string& out) const = 0;
  // The token's own bytes, as long as the tokenizer lives. An Error for an unknown id.
  virtual std::string_view token_bytes(Token) const = 0;
  // False outside [0, vocab) and for the ids that some vocabularies leave unused.
  virtual bool contains(Token) const = 0;

  // One more than the greatest id.
  virtual int64_t vocab() const = 0;
  // A digest of everything that determines encode() and decode(), the same for any file format. A
  // checkpoint refuses a tokenizer with another digest.
  const std::string& digest() const { return digest_; }

  // The special token for a part; special() throws an Error that names the spellings looked for.
  std::optional<Token> find_special(Special) const;
  Token special(Special) const;
  // By its text, for further ones of a file ("<|fim_prefix|>").
  std::optional<Token> find_special(std::string_view text) const;
  bool is_special(Token) const;
  const std::vector<SpecialToken>& specials() const { return specials_; }  // by id

  // The tokens that a model of this tokenizer expects before every text (OPT: </s>), in their
  // order, if its files have any. encode() does not add them.
  std::span<const Token> begin_of_text() const { return begin_of_text_; }
  // begin_of_text() and the tokens of the text.
  std::vector<Token> encode_from_beginning(std::string_view text) const;
  // The context from which a model predicts the first token of a text: begin_of_text(), else the
  // end of text, which separates documents. Empty if the tokenizer has neither.
  std::vector<Token> before_text() const;

 protected:
  Tokenizer() = default;
  // To be called by the constructors of implementations.
  void set_specials(std::vector<SpecialToken> specials, std::vector<Token> begin_of_text);
  void set_digest(std::string digest) { digest_ = std::move(digest); }
  // What is before a text. Some tokenizers add a space at the beginning of a text, some behind
  // special tokens too.
  enum class Before : uint8_t { nothing, special, text };
  virtual void encode_ordinary(std::string_view text, Before, std::vector<Token>& out) const = 0;

 private:
  std::vector<SpecialToken> specials_;
  std::vector<Token> begin_of_text_;
  std::string digest_;
};

// The known spellings of a part; the first one is that of our own tokenizers.
std::span<const std::string_view> special_texts(Special);
// "end_of_text", "system", …
std::string_view special_name(Special);
// The part of that name.
std::optional<Special> find_special_name(std::string_view);
// The part that a text is a known spelling of.
std::optional<Special> part_of(std::string_view text);

// Turns tokens into text one by one and holds back bytes that may still become a character:
//
//   StreamDecoder stream(tokenizer, prompt.back());
//   for (Token t : generated) out << stream.push(t);
//   out << stream.finish();
//
// All output is valid UTF-8: bytes that cannot become a character become U+FFFD, and the pieces
// together are valid_utf8(decode(tokens)). The tokenizer must outlive it.
class StreamDecoder {
 public:
  // `previous` is the last token of the text already shown, -1 when there is none. Behind
  // begin_of_text() a text begins.
  explicit StreamDecoder(const Tokenizer& tokenizer, Token previous = -1);
  std::string push(Token);
  std::string finish();  // the bytes held back, as U+FFFD

 private:
  const Tokenizer* tokenizer_;
  Token previous_;
  std::string held_;  // a started character, at most 3 bytes
};

}  // namespace lineage
