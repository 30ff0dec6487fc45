#include "lineage/serve/choice_text.h"

#include <algorithm>

namespace lineage {

std::string piece_of(const Tokenizer& tokenizer, Token previous, Token token) {
  std::string bytes;
  tokenizer.append_piece(previous, token, bytes);
  return bytes;
}

int64_t characters(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; });
}

ChoiceText::ChoiceText(const Tokenizer& tokenizer, std::vector<Token> prompt, Options options)
    : tokenizer_(tokenizer),
      prompt_(std::move(prompt)),
      options_(options),
      echo_due_(options.echo),
      decoder_(tokenizer, options.starts_text ? Token{-1} : prompt_.back()),
      previous_(options.starts_text ? Token{-1} : prompt_.back()) {
  if (options.starts_text) return;
  StreamDecoder shown(tokenizer);
  for (size_t i = static_cast<size_t>(options.hidden); i < prompt_.size(); ++i)
    offset_ += characters(shown.push(prompt_[i]));
  offset_ += characters(shown.finish());
}

// The prompt's text and tokens, once.
TextDelta ChoiceText::echoed() {
  TextDelta out;
  StreamDecoder decoder(tokenizer_);
  int64_t offset = 0;
  for (auto i = static_cast<size_t>(options_.hidden); i < prompt_.size(); ++i) {
    if (options_.entries) {
      const bool first = i == static_cast<size_t>(options_.hidden);
      TokenEntry e{prompt_[i], first ? Token{-1} : prompt_[i - 1], {}, {}, offset};
      if (i > 0) e.log_prob = prompt_scores_[i - 1].log_prob, e.top = prompt_scores_[i - 1].top;
      out.entries.push_back(std::move(e));
    }
    const std::string piece = decoder.push(prompt_[i]);
    offset += characters(piece);
    out.text += piece;
  }
  out.text += decoder.finish();
  echo_due_ = false;
  return out;
}

void ChoiceText::hold(const SampledToken& t) {
  if (options_.entries)
    held_.emplace_back(decoded_, TokenEntry{t.token, previous_, t.log_prob, t.top, offset_});
  ++generated_;
  sum_log_probs_ += t.log_prob;
}

TextDelta ChoiceText::push(const Engine::Event& event) {
  TextDelta out;
  prompt_scores_.insert(prompt_scores_.end(), event.prompt.begin(), event.prompt.end());
  if (!event.draw && !event.end) return out;
  if (echo_due_) out = echoed();
  if (event.draw) {
    const Token token = event.draw->token;
    if (options_.starts_text && tokens_.empty())
      cut_ = piece_of(tokenizer_, prompt_.back(), token).size() -
             piece_of(tokenizer_, -1, token).size();
    hold(*event.draw);
    tokens_.push_back(token);
    const std::string piece = decoder_.push(token);
    previous_ = token;
    decoded_ += piece.size();
    offset_ += characters(piece);
  }
  std::string_view text = event.text;
  const size_t cut = std::min(cut_, text.size());
  text.remove_prefix(cut);
  cut_ -= cut;
  certain_ += text.size();
  out.text += text;
  end_ = event.end;
  const bool all = event.end && *event.end == Completion::End::length;
  for (auto& [at, entry] : held_)
    if (all || at < certain_) out.entries.push_back(std::move(entry));
  std::erase_if(held_, [&](const auto& h) { return all || h.first < certain_; });
  if (event.stop_token) {
    for (auto& [at, entry] : held_) out.entries.push_back(std::move(entry));
    held_.clear();
    hold(*event.stop_token);
    if (!held_.empty()) held_.back().second.previous = -1;  // it joins no text
    for (auto& [at, entry] : held_) out.entries.push_back(std::move(entry));
  }
  return out;
}

}  // namespace lineage
