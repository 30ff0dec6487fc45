#include "lineage/serve/compare.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/run/chat_session.h"
#include "lineage/serve/api_error.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

// How one model sees the prompt, and what it says.
struct Column {
  std::shared_ptr<const ServedModel> model;
  ReadPrompt prompt;
  std::vector<Token> answer;  // given
  ChoiceText text;            // its own
  TextDelta own;
  std::vector<SampledToken> scored;  // the tokens of prompt and given answer, but the first
  bool done = false;

  // Of the j-th token of the given answer.
  float log_prob(size_t j) const { return scored[prompt.tokens.size() - 1 + j].log_prob; }
};

class CompareJob final : public Job {
 public:
  CompareJob(std::shared_ptr<HttpExchange> exchange, RequestRecord record, const CompareRequest& r,
             const std::vector<std::shared_ptr<const ServedModel>>& models,
             const GenerationContext& context)
      : Job(std::move(exchange), std::move(record)), head_(context.head) {
    const uint64_t seed = r.seed ? static_cast<uint64_t>(*r.seed) : context.seed;
    for (const auto& model : models) add(r, model, seed);
    record_.model = models[0]->id;
  }

  std::vector<SequenceRequest> sequences() override {
    record_.sequences = std::ssize(requests_);
    return std::move(requests_);
  }

  void take(size_t i, const SequenceEvent& e) override {
    if (done_) return;
    if (!e.failure.empty()) return fail(500, e.failure, "model_failed");
    Column& c = columns_[i];
    std::ranges::copy(e.event.prompt, std::back_inserter(c.scored));
    if (c.answer.empty()) {
      TextDelta delta = c.text.push(e.event);
      c.own.text += delta.text;
      std::ranges::move(delta.entries, std::back_inserter(c.own.entries));
    }
    c.done = c.done || e.event.end.has_value();
    if (std::ranges::all_of(columns_, &Column::done)) {
      record_.finish = "stop";
      respond(whole());
    }
  }

 private:
  void add(const CompareRequest& r, const std::shared_ptr<const ServedModel>& model,
           uint64_t seed) {
    const bool chat = !r.messages.empty();
    ReadPrompt prompt = chat ? read_chat(*model, r.messages, false)
                             : read_prompt(*model, PromptText(*r.prompt), "prompt");
    Sampling s = r.sampling;
    check_bias(*model, s);
    s.seed = seed;
    std::vector<Token> all = prompt.tokens, answer;
    if (r.answer) {
      const ReadPrompt read = read_prompt(*model, PromptText(*r.answer), "answer");
      answer.assign(read.tokens.begin() + read.hidden, read.tokens.end());
      if (answer.empty()) throw invalid_value("answer", "answer is empty; wanted some text");
      all.insert(all.end(), answer.begin(), answer.end());
      s.max_tokens = room_for(*model, std::ssize(all), 0, "answer");
      s.score_prompt = true;
    } else {
      s.max_tokens = room_for(*model, std::ssize(all), r.max_tokens, chat ? "messages" : "prompt");
      s.stop_tokens = stop_tokens(*model->tokenizer, model->manifest.chats);
    }
    record_.usage.prompt += std::ssize(all);
    ChoiceText text(*model->tokenizer, prompt.tokens, {.entries = true, .starts_text = chat});
    columns_.push_back(
        {model, std::move(prompt), std::move(answer), std::move(text), {}, {}, false});
    requests_.push_back({model, std::move(all), std::move(s)});
  }

  // The column of a model's parent, if it is compared too.
  const Column* parent_of(const Column& c) const {
    const auto found = std::ranges::find(columns_, c.model->parent,
                                         [](const Column& other) { return other.model->id; });
    return c.model->parent.empty() || found == columns_.end() ? nullptr : &*found;
  }

  OrderedJson given(const Column& c) const {
    OrderedJson tokens = OrderedJson::array();
    const Column* parent = parent_of(c);
    double sum = 0;
    for (size_t j = 0; j < c.answer.size(); ++j) {
      const Token before = j > 0 ? c.answer[j - 1] : -1;
      OrderedJson t = {{"token", valid_utf8(piece_of(*c.model->tokenizer, before, c.answer[j]))},
                       {"id", c.answer[j]},
                       {"logprob", shown_log_prob(c.log_prob(j))}};
      if (parent)
        t["log_ratio"] = shown_log_prob(c.log_prob(j)) - shown_log_prob(parent->log_prob(j));
      sum += c.log_prob(j);
      tokens.push_back(std::move(t));
    }
    return {{"logprob", sum}, {"tokens", std::move(tokens)}};
  }

  OrderedJson written(Column& c) {
    record_.usage.completion += c.text.generated();
    OrderedJson tokens = OrderedJson::array();
    for (const TokenEntry& e : c.own.entries)
      tokens.push_back({{"token", valid_utf8(piece_of(*c.model->tokenizer, e.previous, e.token))},
                        {"id", e.token},
                        {"logprob", shown_log_prob(e.log_prob.value_or(0))}});
    return {{"text", c.own.text},
            {"finish_reason", *c.text.end() == Completion::End::length ? "length" : "stop"},
            {"tokens", std::move(tokens)}};
  }

  OrderedJson whole() {
    OrderedJson body = {
        {"id", head_.id}, {"object", "lineage.comparison"}, {"created", head_.created}};
    OrderedJson& list = body["models"] = OrderedJson::array();
    for (Column& c : columns_) {
      OrderedJson m = {
          {"model", c.model->id},
          {"parent", c.model->parent.empty() ? OrderedJson() : OrderedJson(c.model->parent)}};
      m["answer"] = c.answer.empty() ? written(c) : given(c);
      list.push_back(std::move(m));
    }
    body["usage"] = usage_json(record_.usage);
    return body;
  }

  AnswerHead head_;
  std::vector<Column> columns_;
  std::vector<SequenceRequest> requests_;
};

}  // namespace

std::unique_ptr<Job> compare_job(std::shared_ptr<HttpExchange> exchange, RequestRecord record,
                                 const CompareRequest& r,
                                 const std::vector<std::shared_ptr<const ServedModel>>& models,
                                 const GenerationContext& context) {
  for (const auto& m : models)
    if (r.answer && m->tokenizer->digest() != models[0]->tokenizer->digest())
      throw invalid_value("models", fmt::format("models: '{}' and '{}' have different tokenizers; "
                                                "an answer can be compared token by token with one",
                                                models[0]->id, m->id));
  return std::make_unique<CompareJob>(std::move(exchange), std::move(record), r, models, context);
}

}  // namespace lineage
