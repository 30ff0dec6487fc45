#include "lineage/serve/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/documents/told_lines.h"
#include "lineage/run/chat_session.h"
#include "lineage/run/tool_calls.h"
#include "lineage/serve/api_error.h"
#include "lineage/world/claims.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

std::vector<Token> encoded(const ServedModel& model, const std::string& text,
                           const std::string& param) try {
  return model.tokenizer->encode(text);
} catch (const Error& e) {  // a word of a closed vocabulary
  throw invalid_value(param, e.what());
}

std::optional<CallMarks> call_marks(const ServedModel& model) {
  return call_marks(model.manifest, *model.tokenizer);
}
// An ApiError for a model that knows none.
CallMarks call_marks(const ServedModel& model, const std::string& param) {
  if (const auto marks = call_marks(model)) return *marks;
  throw unsupported(param, fmt::format("{}: '{}' was trained on no tools", param, model.id));
}
constexpr std::string_view kCallBegins = "print (", kCallEnds = ")";

std::vector<Token> call_tokens(const ServedModel& model, const std::string& expression) {
  const CallMarks marks = *call_marks(model);
  std::vector<Token> tokens = {marks.call};
  for (const Token t :
       encoded(model, fmt::format("{} {} {}", kCallBegins, expression, kCallEnds), "messages"))
    tokens.push_back(t);
  tokens.push_back(marks.result);
  return tokens;
}

// The expression of an answer that is a call up to "<ret>", or nothing.
std::optional<std::string> called_expression(const ServedModel& model,
                                             std::span<const Token> answer) {
  if (answer.empty() || answer[0] != call_marks(model)->call) return {};
  const std::string text = model.tokenizer->decode(answer.subspan(1));
  if (!text.starts_with(kCallBegins) || !text.ends_with(kCallEnds)) return {};
  std::string inner = text.substr(kCallBegins.size());
  inner.resize(inner.size() - kCallEnds.size());
  const size_t first = inner.find_first_not_of(' '), last = inner.find_last_not_of(' ');
  if (first == std::string::npos) return {};
  return inner.substr(first, last - first + 1);
}

const char* finish_name(Completion::End end) {
  return end == Completion::End::length ? "length" : "stop";
}

OrderedJson verdict_json(const FilterVerdict& v) {
  return {{"model", v.model}, {"flagged", v.flagged}, {"score", v.score}};
}

// One choice of an answer, with what it has so far.
struct Choice {
  std::optional<ChoiceText> part;  // of the answer, the one that is written now; always there
  ChoiceText::Options options;
  int64_t index = 0;
  TextDelta all;  // unstreamed
  bool told_role = false;
  std::optional<ToolCalls> calls = {};  // that the server runs
  int64_t generated = 0;                // tokens of the calls before this part

  ChoiceText& text() { return *part; }
  const ChoiceText& text() const { return *part; }
};

// What completions and chats have in common: choices, their events, usage, the stream.
class Generation : public Job {
 public:
  Generation(std::shared_ptr<HttpExchange> exchange, RequestRecord record,
             const GenerationRequest& request, const GenerationContext& context)
      : Job(std::move(exchange), std::move(record)),
        stream_(request.stream),
        include_usage_(request.include_usage),
        model_(context.model),
        head_(context.head),
        seed_(request.seed ? static_cast<uint64_t>(*request.seed) : context.seed) {
    record_.stream = stream_;
    record_.model = model_->id;
    check_bias(*model_, request.sampling);
  }

  std::vector<SequenceRequest> sequences() override {
    record_.sequences = std::ssize(requests_);
    return std::move(requests_);
  }

  void take(size_t i, const SequenceEvent& e) override {
    if (done_) return;
    if (!e.failure.empty()) return fail(500, e.failure, "model_failed");
    Choice& c = choices_[i];
    TextDelta delta = c.text().push(e.event);
    note_times(i, e);
    if (c.calls && run_call(i, e, delta)) return;
    if (stream_) {
      if (!delta.empty() || c.text().end()) write_delta(c, delta);
    } else {
      c.all.text += delta.text;
      c.all.entries.insert(c.all.entries.end(), delta.entries.begin(), delta.entries.end());
    }
    if (c.text().end()) ++ended_;
    if (ended_ < choices_.size()) return;
    for (const Choice& choice : choices_)
      record_.usage.completion += choice.generated + choice.text().generated();
    record_.finish = finish_reason(choices_[0]);
    if (stream_)
      end_stream();
    else
      respond(whole());
  }

  std::vector<std::pair<size_t, SequenceRequest>> further() override {
    return std::exchange(further_, {});
  }

 protected:
  virtual void write_delta(Choice&, const TextDelta&) = 0;
  // A call of the choice has run, or could not be.
  virtual void write_call(Choice&) {}
  virtual OrderedJson whole() = 0;
  virtual std::string finish_reason(const Choice& c) const { return finish_name(*c.text().end()); }

  void add_choice(const ReadPrompt& prompt, Sampling sampling, ChoiceText::Options options,
                  int64_t number) {
    sampling.seed = seed_ + static_cast<uint64_t>(number);
    options.hidden = prompt.hidden;
    choices_.push_back({ChoiceText(*model_->tokenizer, prompt.tokens, options),
                        options,
                        std::ssize(choices_),
                        {}});
    requests_.push_back({model_, prompt.tokens, std::move(sampling)});
  }

  // A chunk with one choice, and with further fields of its own.
  void write_chunk(const OrderedJson& choice, const OrderedJson& further = {}) {
    if (chunk_begin_.empty()) {  // the same in every chunk, of which there is one a token
      chunk_begin_ = dumped(head_json(head_));
      chunk_begin_.back() = ',';  // in place of its '}'
      chunk_begin_ += "\"choices\":[";
    }
    std::string chunk =
        chunk_begin_ + dumped(choice) + (include_usage_ ? "],\"usage\":null}" : "]}");
    if (!further.empty()) chunk.back() = ',', chunk += dumped(further).substr(1);
    write(sse(chunk));
  }

  const bool stream_, include_usage_;
  const std::shared_ptr<const ServedModel> model_;
  AnswerHead head_;
  std::string chunk_begin_;
  const uint64_t seed_;
  std::vector<Choice> choices_;
  std::vector<SequenceRequest> requests_;

 private:
  void note_times(size_t i, const SequenceEvent& e) {
    if (i != 0 || !(e.event.draw || e.event.end)) return;
    const auto now = Clock::now();
    if (!record_.first_token_seconds) {
      record_.first_token_seconds = seconds_since(record_.began);
      record_.queue_seconds = e.queue_seconds;
      record_.prefill_seconds = e.prefill_seconds;
    } else {
      record_.token_seconds.push_back(std::chrono::duration<double>(now - last_token_).count());
    }
    last_token_ = now;
  }

  void end_stream() {
    if (include_usage_) {
      OrderedJson chunk = head_json(head_);
      chunk["choices"] = OrderedJson::array();
      chunk["usage"] = usage_json(record_.usage);
      write(sse(dumped(chunk)));
    }
    finish_stream();
  }

  // Takes the text of a call out of the answer and, at the call's end, runs it. Whether the choice
  // goes on in a further sequence.
  bool run_call(size_t i, const SequenceEvent& e, TextDelta& delta) {
    Choice& c = choices_[i];
    if (!c.calls->is_call(c.text().tokens())) return false;
    delta = {};
    if (!c.text().end()) return false;
    const bool goes_on = c.calls->goes_on(c.text().tokens(), c.text().generated(), *c.text().end(),
                                          e.event.stop_token.has_value());
    if (stream_) write_call(c);
    if (!goes_on) return false;
    c.generated += c.text().generated();
    c.part.emplace(*model_->tokenizer, c.calls->prompt(), c.options);
    further_.push_back({i, {model_, c.calls->prompt(), c.calls->sampling()}});
    return true;
  }

  std::vector<std::pair<size_t, SequenceRequest>> further_;
  size_t ended_ = 0;
  Clock::time_point last_token_{};
};

class CompletionJob final : public Generation {
 public:
  CompletionJob(std::shared_ptr<HttpExchange> exchange, RequestRecord record,
                const CompletionRequest& r, const GenerationContext& context)
      : Generation(std::move(exchange), std::move(record), r, context),
        n_(r.n),
        best_of_(r.best_of),
        log_probs_(r.logprobs) {
    for (const PromptText& text : r.prompts) {
      const ReadPrompt prompt = read_prompt(*model_, text, "prompt");
      Sampling s = r.sampling;
      s.max_tokens = room_for(*model_, std::ssize(prompt.tokens), *r.max_tokens, "prompt");
      s.stop_tokens = stop_tokens(*model_->tokenizer, model_->manifest.chats);
      s.top_log_probs = log_probs_.value_or(0);
      ChoiceText::Options options;
      options.entries = log_probs_.has_value();
      options.echo = r.echo;
      s.score_prompt = r.echo && log_probs_;
      for (int64_t k = 0; k < best_of_; ++k) add_choice(prompt, s, options, k);
      record_.usage.prompt += std::ssize(prompt.tokens);
    }
  }

 private:
  OrderedJson choice_json(const std::string& text, int64_t index,
                          const std::vector<TokenEntry>& entries, OrderedJson finish) const {
    OrderedJson j = {{"text", text}, {"index", index}};
    j["logprobs"] =
        log_probs_ ? completion_logprobs(*model_->tokenizer, entries, *log_probs_) : OrderedJson();
    j["finish_reason"] = std::move(finish);
    return j;
  }

  void write_delta(Choice& c, const TextDelta& delta) override {
    OrderedJson finish;
    if (c.text().end()) finish = finish_reason(c);
    write_chunk(choice_json(delta.text, c.index, delta.entries, std::move(finish)));
  }

  OrderedJson whole() override {
    OrderedJson body = head_json(head_);
    OrderedJson& list = body["choices"] = OrderedJson::array();
    for (size_t first = 0; first < choices_.size(); first += static_cast<size_t>(best_of_))
      for (const size_t i : best(first))
        list.push_back(choice_json(choices_[i].all.text, std::ssize(list), choices_[i].all.entries,
                                   finish_reason(choices_[i])));
    body["usage"] = usage_json(record_.usage);
    return body;
  }

  // The n choices of the highest log-probability a token among those of a prompt.
  std::vector<size_t> best(size_t first) const {
    std::vector<size_t> all(static_cast<size_t>(best_of_));
    std::iota(all.begin(), all.end(), first);
    const auto mean = [&](size_t i) {
      const ChoiceText& t = choices_[i].text();
      return t.sum_log_probs() / static_cast<double>(std::max<int64_t>(1, t.generated()));
    };
    if (best_of_ > n_) std::ranges::stable_sort(all, std::ranges::greater(), mean);
    all.resize(static_cast<size_t>(n_));
    return all;
  }

  const int64_t n_, best_of_;
  const std::optional<int64_t> log_probs_;
};

class ChatJob final : public Generation {
 public:
  ChatJob(std::shared_ptr<HttpExchange> exchange, RequestRecord record, const ChatRequest& r,
          const GenerationContext& context, std::optional<FilterVerdict> verdict)
      : Generation(std::move(exchange), std::move(record), r, context),
        log_probs_(r.logprobs),
        top_(r.top_logprobs),
        tool_(r.tool),
        run_calls_(r.run_calls),
        verdict_(std::move(verdict)) {
    ReadPrompt prompt = read_chat(*model_, r.messages, r.continue_last);
    if (r.documents > 0) {
      told_ = tell_lines(*model_->tokenizer, context.found, r.documents,
                         room_of_lines(std::ssize(prompt.tokens), r.max_tokens));
      prompt = read_chat(*model_, r.messages, r.continue_last, told_->tokens);
    }
    Sampling s = r.sampling;
    s.max_tokens = room_for(*model_, std::ssize(prompt.tokens), r.max_tokens, "messages");
    s.stop_tokens = stop_tokens(*model_->tokenizer, true);
    for (const Special part : {Special::system, Special::user, Special::assistant})
      if (const auto token = model_->tokenizer->find_special(part)) s.stop_tokens.push_back(*token);
    if (tool_) {
      s.stop_tokens.push_back(call_marks(*model_, "tools").result);
    }
    s.top_log_probs = top_;
    for (int64_t k = 0; k < r.n; ++k) {
      add_choice(prompt, s, {.entries = log_probs_, .starts_text = !r.continue_last}, k);
      if (!r.run_calls) continue;
      SequenceRequest& first = requests_.back();
      const ToolCalls& calls =
          choices_.back().calls.emplace(*model_->tokenizer, call_marks(*model_, "lineage.tools"),
                                        prompt.tokens, first.sampling, model_->config.context);
      first.sampling = calls.sampling();
    }
    record_.usage.prompt = std::ssize(prompt.tokens);
  }

 private:
  // The lines leave room for the answer that is wanted, or for a quarter of the context.
  int64_t room_of_lines(int64_t prompt, std::optional<int64_t> wanted) const {
    constexpr int64_t kShare = 4;
    const int64_t all = model_->config.context;
    return all - prompt - wanted.value_or(all / kShare);
  }
  OrderedJson sources_json() const {
    OrderedJson list = OrderedJson::array();
    for (const FoundLine& l : told_->lines)
      list.push_back({{"file", l.file}, {"line", l.line}, {"text", l.text}, {"score", l.score}});
    return list;
  }

  // While a tool may be called, an answer that begins as a call is kept until it ends.
  bool may_be_call(const Choice& c) const {
    return tool_ && !c.text().tokens().empty() && c.text().tokens()[0] == call_marks(*model_)->call;
  }
  std::optional<std::string> call(const Choice& c) const {
    if (!may_be_call(c) || !c.text().end() || *c.text().end() != Completion::End::stop) return {};
    return called_expression(*model_, c.text().tokens());
  }
  std::string finish_reason(const Choice& c) const override {
    if (c.calls && c.calls->out_of_room()) return "length";
    return call(c) ? "tool_calls" : Generation::finish_reason(c);
  }
  OrderedJson call_json(const Choice& c, const std::string& expression) const {
    return {{"id", fmt::format("call_{}_{}", head_.id.substr(head_.id.find('-') + 1), c.index)},
            {"type", "function"},
            {"function",
             {{"name", tool_->name},
              {"arguments", OrderedJson{{tool_->parameter, expression}}.dump()}}}};
  }
  OrderedJson log_probs(const std::vector<TokenEntry>& entries) const {
    return log_probs_ ? chat_logprobs(*model_->tokenizer, entries, top_) : OrderedJson();
  }

  void chat_chunk(const Choice& c, OrderedJson content, OrderedJson logs, OrderedJson finish,
                  const OrderedJson& further = {}) {
    write_chunk({{"index", c.index},
                 {"delta", std::move(content)},
                 {"logprobs", std::move(logs)},
                 {"finish_reason", std::move(finish)}},
                further);
  }

  void tell_role(Choice& c) {
    if (std::exchange(c.told_role, true)) return;
    OrderedJson further;  // in the stream's first chunk
    if (told_ && !std::exchange(told_sources_, true))
      further["lineage"]["sources"] = sources_json();
    chat_chunk(c, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}, nullptr, nullptr,
               further);
  }

  void write_call(Choice& c) override {
    tell_role(c);
    chat_chunk(
        c, OrderedJson::object(), nullptr, nullptr,
        {{"lineage", {{"tools", OrderedJson::array({run_json(c, c.calls->runs().back())})}}}});
  }

  static OrderedJson run_json(const Choice& c, const ToolRun& run) {
    const bool failed = !run.error.empty();
    return {{"index", c.index},
            {"code", run.code},
            {"result", failed ? OrderedJson() : OrderedJson(run.result)},
            {"error", failed ? OrderedJson(run.error) : OrderedJson()}};
  }

  void write_delta(Choice& c, const TextDelta& delta) override {
    const auto chunk = [&](OrderedJson content, OrderedJson logs, OrderedJson finish,
                           const OrderedJson& further = {}) {
      chat_chunk(c, std::move(content), std::move(logs), std::move(finish), further);
    };
    tell_role(c);
    c.all.text += delta.text;
    c.all.entries.insert(c.all.entries.end(), delta.entries.begin(), delta.entries.end());
    if (may_be_call(c) && !c.text().end()) return;
    if (const auto expression = call(c)) {
      OrderedJson j = call_json(c, *expression);
      j["index"] = 0;
      chunk({{"tool_calls", OrderedJson::array({std::move(j)})}}, log_probs(c.all.entries),
            nullptr);
    } else if (!c.all.text.empty() || !c.all.entries.empty()) {
      chunk({{"content", c.all.text}}, log_probs(c.all.entries), nullptr);
    }
    c.all = {};
    if (c.text().end())
      chunk(OrderedJson::object(), nullptr, finish_reason(c),
            c.index == 0 ? who_refused() : OrderedJson());
  }

  OrderedJson whole() override {
    OrderedJson body = head_json(head_);
    OrderedJson& list = body["choices"] = OrderedJson::array();
    for (const Choice& c : choices_) {
      OrderedJson message = {{"role", "assistant"}, {"content", c.all.text}, {"refusal", nullptr}};
      if (const auto expression = call(c)) {
        message["content"] = nullptr;
        message["tool_calls"] = OrderedJson::array({call_json(c, *expression)});
      }
      list.push_back({{"index", c.index},
                      {"message", std::move(message)},
                      {"logprobs", log_probs(c.all.entries)},
                      {"finish_reason", finish_reason(c)}});
    }
    body["usage"] = usage_json(record_.usage);
    body.update(who_refused());
    if (told_) body["lineage"]["sources"] = sources_json();
    if (run_calls_) {
      OrderedJson& runs = body["lineage"]["tools"] = OrderedJson::array();
      for (const Choice& c : choices_)
        for (const ToolRun& run : c.calls->runs()) runs.push_back(run_json(c, run));
    }
    return body;
  }

  // The filter's verdict, where one judged; and of the micro-world's models, whether the first
  // choice is one of its polite refusals. In a stream, the chunk that ends that choice has it.
  OrderedJson who_refused() const {
    OrderedJson j = OrderedJson::object();
    if (verdict_) j["moderation"] = verdict_json(*verdict_);
    if (model_->manifest.world.empty()) return j;
    const bool refuses = find_refusal(choices_[0].text().tokens()) == RefusalKind::improper;
    j["lineage"] = {{"refused_by", refuses ? OrderedJson("model") : OrderedJson()}};
    return j;
  }

  const bool log_probs_;
  const int64_t top_;
  const std::optional<CalculatorTool> tool_;
  const bool run_calls_;
  std::optional<ToldLines> told_;  // where lines of documents are wanted
  bool told_sources_ = false;
  const std::optional<FilterVerdict> verdict_;
};

}  // namespace

ReadPrompt read_prompt(const ServedModel& model, const PromptText& prompt,
                       const std::string& param) {
  ReadPrompt out;
  if (const auto* ids = std::get_if<std::vector<Token>>(&prompt)) {
    for (const Token t : *ids)
      if (t >= model.config.vocab || !model.tokenizer->contains(t))
        throw invalid_value(param, fmt::format("{} has token id {}; '{}' has {} ids", param, t,
                                               model.id, model.tokenizer->vocab()));
    out.tokens = *ids;
    return out;
  }
  const auto begin = model.tokenizer->begin_of_text();
  out.tokens.assign(begin.begin(), begin.end());
  out.hidden = std::ssize(out.tokens);
  for (const Token t : encoded(model, std::get<std::string>(prompt), param))
    out.tokens.push_back(t);
  if (!out.tokens.empty()) return out;
  out.tokens = context_of_beginning(*model.tokenizer);
  out.hidden = std::ssize(out.tokens);
  return out;
}

std::optional<size_t> last_user_turn(const std::vector<ChatMessage>& messages) {
  for (size_t i = messages.size(); i-- > 0;)
    if (messages[i].kind == ChatMessage::Kind::turn && messages[i].role == Role::user) return i;
  return {};
}

ReadPrompt read_chat(const ServedModel& model, const std::vector<ChatMessage>& messages,
                     bool continue_last, std::span<const Token> behind_user) {
  const bool imported = model.manifest.stage == "import" &&
                        model.tokenizer->find_special(Special::end_of_turn).has_value();
  if (!model.manifest.chats && !imported)
    throw ApiError(400,
                   fmt::format("'{}' was tuned on no conversations and has no template; wanted a "
                               "tuned model, or /v1/completions",
                               model.id),
                   "model");
  const ChatTemplate form(*model.tokenizer);
  ReadPrompt out;
  ChatTemplate::Rendered rendered;
  std::vector<Token> answer;  // the parts of an assistant's turn: a call, its result, text
  const auto append = [&](const std::vector<Token>& more) {
    answer.insert(answer.end(), more.begin(), more.end());
  };
  const std::optional<size_t> user = last_user_turn(messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    const std::string place = fmt::format("messages[{}]", i);
    if (m.kind != ChatMessage::Kind::turn) call_marks(model, place);
    if (m.role == Role::assistant) {
      append(m.kind == ChatMessage::Kind::call ? call_tokens(model, m.text)
                                               : encoded(model, m.text, place));
      const bool last = i + 1 == messages.size();
      const bool goes_on = m.kind != ChatMessage::Kind::turn || (last && continue_last);
      if (goes_on) continue;
    }
    std::vector<Token> turn = m.role == Role::assistant ? answer : encoded(model, m.text, place);
    if (i == user) turn.insert(turn.end(), behind_user.begin(), behind_user.end());
    try {
      form.append(m.role, turn, rendered);
    } catch (const Error& e) {
      throw invalid_value(place, e.what());
    }
    answer.clear();
  }
  out.tokens = std::move(rendered.tokens);
  const auto& opening = form.opening(Role::assistant);
  out.tokens.insert(out.tokens.end(), opening.begin(), opening.end());
  out.tokens.insert(out.tokens.end(), answer.begin(), answer.end());
  return out;
}

void check_bias(const ServedModel& model, const Sampling& sampling) {
  for (const auto& [token, bias] : sampling.logit_bias)
    if (token >= model.config.vocab)
      throw invalid_value("logit_bias", fmt::format("logit_bias has token id {}; '{}' has {} ids",
                                                    token, model.id, model.config.vocab));
}

int64_t room_for(const ServedModel& model, int64_t prompt, std::optional<int64_t> wanted,
                 const std::string& param) {
  const int64_t context = model.config.context;
  if (prompt + wanted.value_or(1) > context)
    throw context_length_exceeded(param, context, prompt, wanted.value_or(1));
  return wanted.value_or(context - prompt);
}

std::unique_ptr<Job> completion_job(std::shared_ptr<HttpExchange> exchange, RequestRecord record,
                                    CompletionRequest request, const GenerationContext& context) {
  return std::make_unique<CompletionJob>(std::move(exchange), std::move(record), request, context);
}

std::unique_ptr<Job> chat_job(std::shared_ptr<HttpExchange> exchange, RequestRecord record,
                              ChatRequest request, const GenerationContext& context,
                              std::optional<FilterVerdict> verdict) {
  return std::make_unique<ChatJob>(std::move(exchange), std::move(record), request, context,
                                   std::move(verdict));
}

void answer_filtered(std::shared_ptr<HttpExchange> exchange, RequestRecord& record,
                     const ChatRequest& r, const GenerationContext& context,
                     const FilterVerdict& verdict) {
  record.stream = r.stream;
  record.status = 200;
  record.model = context.model->id;
  record.finish = "content_filter";
  OrderedJson body = head_json(context.head);
  OrderedJson& list = body["choices"] = OrderedJson::array();
  for (int64_t i = 0; i < r.n; ++i)
    list.push_back({{"index", i},
                    {r.stream ? "delta" : "message",
                     {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}},
                    {"logprobs", nullptr},
                    {"finish_reason", "content_filter"}});
  body["moderation"] = verdict_json(verdict);
  body["lineage"] = {{"refused_by", "filter"}};
  if (!r.stream) {
    body["usage"] = usage_json({});
    return exchange->respond({200, json_headers(record), dumped(body)});
  }
  exchange->begin(200, stream_headers(record));
  const OrderedJson choices = std::move(body["choices"]);
  for (const OrderedJson& choice : choices) {
    body["choices"] = OrderedJson::array({choice});
    exchange->write(sse(dumped(body)));
  }
  if (r.include_usage) {
    body["choices"] = OrderedJson::array();
    body["usage"] = usage_json({});
    exchange->write(sse(dumped(body)));
  }
  exchange->write(kStreamEnd);
  exchange->finish();
}

}  // namespace lineage
