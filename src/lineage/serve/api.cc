#include "lineage/serve/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/version.h"
#include "lineage/documents/told_lines.h"
#include "lineage/run/tool_calls.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/compare.h"
#include "lineage/serve/moderation.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

using nlohmann::json;

// OpenAI's own moderation models: a client that names one means the filter that is here.
constexpr std::array<std::string_view, 6> kOpenAiNames = {
    "omni-moderation-latest", "omni-moderation-2024-09-26", "text-moderation-latest",
    "text-moderation-stable", "text-moderation-007",        "text-moderation-001"};

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// Results depend on the weights and on the program.
std::string fingerprint(const ServedModel& m) {
  return "fp_" + digest_of(m.manifest.weights + kVersion).substr(0, 12);
}

// The text of {"type": "text", "text": …}.
std::optional<std::string> text_part(const json& part) {
  if (!part.is_object()) return {};
  const Fields f(part, "input.");
  const json* type = f.find("type");
  if (!type || *type != "text") return {};
  return f.text("text");
}

std::vector<std::string> inputs_of(const Fields& f) {
  const json* input = f.find("input");
  if (!input) throw invalid_value("input", "input is absent; wanted a string, or a list of them");
  if (input->is_string()) return {*input};
  std::vector<std::string> all;
  if (input->is_array())
    for (const json& part : *input) {
      if (part.is_string())
        all.push_back(part);
      else if (const auto text = text_part(part))
        all.push_back(*text);
      else
        throw unsupported("input", "input: an entry is no text; this filter reads text alone");
    }
  if (all.empty())
    throw invalid_value("input", "input is " + kind_of_json(*input) +
                                     "; wanted a string, or a "
                                     "list of at least one");
  return all;
}

// The lines that the last turn of the user finds.
std::vector<FoundLine> found_lines(const DocumentIndex* documents, const ChatRequest& r) {
  if (r.documents == 0) return {};
  if (!documents)
    throw unsupported("lineage.documents",
                      "lineage.documents: this server has none; wanted one that was started with "
                      "--documents DIR");
  const auto user = last_user_turn(r.messages);
  if (!user)
    throw invalid_value("lineage.documents",
                        "lineage.documents: messages has no turn of the user to look up");
  return documents->find(r.messages[*user].text, lines_to_find(r.documents));
}

OrderedJson special_or_null(const Tokenizer& tokenizer, Special part) {
  const auto token = tokenizer.find_special(part);
  if (!token) return nullptr;
  for (const SpecialToken& s : tokenizer.specials())
    if (s.id == *token) return s.text;
  return nullptr;
}

}  // namespace

struct Api::Running {
  std::unique_ptr<Job> job;
  std::vector<SequenceId> sequences;
  std::string prompt;
};

Api::Api(const ApiOptions& options, ServedModels& models, Scheduler& scheduler, Metrics& metrics,
         Log log)
    : options_(options),
      models_(models),
      scheduler_(scheduler),
      metrics_(metrics),
      log_(std::move(log)),
      next_seed_(random_seed()) {}

Api::~Api() = default;

GenerationContext Api::context(std::shared_ptr<const ServedModel> model, const char* prefix,
                               const char* object, const RequestRecord& record) {
  GenerationContext c;
  c.head = {prefix + record.id, object, model->id, fingerprint(*model), std::time(nullptr)};
  c.model = std::move(model);
  c.seed = next_seed_++;
  return c;
}

void Api::over(RequestRecord& record, const std::string& prompt) {
  const double seconds = seconds_since(record.began);
  metrics_.count_request(record, seconds);
  log_(record, seconds, prompt);
}

void Api::refuse(HttpExchange& exchange, RequestRecord& record, const ApiError& e,
                 const std::string& prompt) {
  HttpResponse r = error_response(e);
  r.headers.emplace_back("x-request-id", record.id);
  record.status = e.status, record.finish = "error";
  exchange.respond(std::move(r));
  over(record, prompt);
}

void Api::answer(HttpExchange& exchange, RequestRecord& record, const Json& body) {
  record.status = 200;
  exchange.respond({200, json_headers(record), dumped(body)});
  over(record, "");
}

void Api::handle(const HttpRequest& http, std::shared_ptr<HttpExchange> exchange,
                 RequestRecord record, const Post& post) {
  const std::string path = path_of(http.target).value_or("");
  const std::string prompt = options_.log_prompts ? http.body : "";
  try {
    if (path == "/v1/models") return answer(*exchange, record, models_json());
    if (path.starts_with("/v1/models/"))
      return answer(*exchange, record, model_json(*models_.called(path.substr(11))));
    if (path == "/tokenizer_info")
      return answer(*exchange, record, tokenizer_json(query_of(http.target, "model").value_or("")));
    const Fields f = Fields::parse(http.body);
    if (path == "/v1/completions") {
      CompletionRequest r = completion_request(f);
      const auto model = models_.called(r.model, ModelUse::language);
      GenerationContext c = context(model, "cmpl-", "text_completion", record);
      return start(completion_job(exchange, record, std::move(r), c), prompt);
    }
    if (path == "/v1/chat/completions") return chat(f, exchange, record, prompt, post);
    if (path == "/v1/lineage/compare") {
      const CompareRequest r = compare_request(f);
      std::vector<std::shared_ptr<const ServedModel>> models;
      for (const std::string& name : r.models)
        models.push_back(models_.called(name, ModelUse::language));
      const GenerationContext c = context(models[0], "cmp-", "", record);
      return start(compare_job(exchange, record, r, models, c), prompt);
    }
    if (path == "/v1/moderations") return moderate(f, exchange, record, post);
    if (path == "/tokenize") return answer(*exchange, record, tokenized(f));
    if (path == "/detokenize") return answer(*exchange, record, detokenized(f));
    throw ApiError(404, "unknown path: " + path, {}, "unknown_url");
  } catch (const ApiError& e) {
    refuse(*exchange, record, e, prompt);
  }
}

void Api::start(std::unique_ptr<Job> job, const std::string& prompt) {
  auto running = std::make_unique<Running>();
  std::vector<SequenceRequest> wanted = job->sequences();
  running->prompt = prompt;
  try {
    running->sequences = scheduler_.submit(std::move(wanted));
  } catch (const ApiError& e) {
    return refuse(job->exchange(), job->record(), e, prompt);
  }
  running->job = std::move(job);
  for (size_t i = 0; i < running->sequences.size(); ++i)
    by_sequence_[running->sequences[i]] = {running.get(), i};
  const std::string id = running->job->record().id;
  jobs_[id] = std::move(running);
}

void Api::take(std::vector<SequenceEvent> events) {
  for (const SequenceEvent& e : events) {
    const auto found = by_sequence_.find(e.sequence);
    if (found == by_sequence_.end()) continue;  // cancelled
    const auto [running, i] = found->second;
    running->job->take(i, e);
    for (auto& [part_of, request] : running->job->further()) {
      const SequenceId next = scheduler_.go_on(std::move(request));
      running->sequences.push_back(next);
      by_sequence_[next] = {running, part_of};
    }
    if (running->job->done()) finish(running->job->record().id);
  }
}

// The job is over: what is still computed for it is cancelled.
void Api::finish(const std::string& id) {
  const auto found = jobs_.find(id);
  Running& r = *found->second;
  for (const SequenceId s : r.sequences) {
    by_sequence_.erase(s);
    if (r.job->record().finish == "error" || r.job->record().finish == "cancelled")
      scheduler_.cancel(s);
  }
  over(r.job->record(), r.prompt);
  jobs_.erase(found);
}

void Api::gone(const std::string& id) {
  if (const auto judging = judging_.find(id); judging != judging_.end()) *judging->second = true;
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  RequestRecord& record = found->second->job->record();
  metrics_.count_cancelled(record.first_token_seconds ? "decode" : "before_first_token");
  record.finish = "cancelled", record.status = 499;
  finish(id);
}

void Api::end_all(const std::string& why) {
  while (!jobs_.empty()) {
    const std::string id = jobs_.begin()->first;
    jobs_.begin()->second->job->fail(503, why, "server_shutdown");
    finish(id);
  }
}

// --- chat with the content filter ---------------------------------------------------------------

void Api::chat(const Fields& f, std::shared_ptr<HttpExchange> exchange, RequestRecord record,
               const std::string& prompt, const Post& post) {
  ChatRequest r = chat_request(f);
  const auto model = models_.called(r.model, ModelUse::language);
  GenerationContext c =
      context(model, "chatcmpl-", r.stream ? "chat.completion.chunk" : "chat.completion", record);
  c.found = found_lines(options_.documents, r);
  std::string wanted = options_.content_filter;
  if (r.moderation) {
    const auto only = models_.only(ModelUse::moderation);
    if (r.moderation->empty() && !only && wanted.empty())
      throw unsupported("moderation",
                        "moderation: this server has no moderation model, or several");
    if (!r.moderation->empty())
      wanted = *r.moderation;
    else if (wanted.empty())
      wanted = only->id;
  }
  if (wanted.empty())
    return start(chat_job(std::move(exchange), std::move(record), std::move(r), c), prompt);
  const auto filter = models_.called(wanted, ModelUse::moderation);
  const std::vector<Token> tokens = read_chat(*filter, r.messages, r.continue_last).tokens;
  room_for(*filter, std::ssize(tokens), 0, "messages");
  judged(
      filter, {tokens}, std::move(exchange), std::move(record), prompt, post,
      [=, this, r = std::move(r)](std::shared_ptr<HttpExchange> own, RequestRecord& judged_record,
                                  const std::vector<double>& scores) {
        const FilterVerdict verdict{filter->id, scores[0], scores[0] >= filter->threshold};
        if (!verdict.flagged)
          return start(chat_job(std::move(own), judged_record, r, c, verdict), prompt);
        answer_filtered(std::move(own), judged_record, r, c, verdict);
        over(judged_record, prompt);
      });
}

// Has a filter judge some conversations, and goes on with their scores on this thread; not for a
// client that has left.
void Api::judged(std::shared_ptr<const ServedModel> filter, std::vector<std::vector<Token>> all,
                 std::shared_ptr<HttpExchange> exchange, RequestRecord record,
                 const std::string& prompt, const Post& post, WithScores then) {
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  judging_[record.id] = gone;
  judge(scheduler_, std::move(filter), std::move(all), gone,
        [=, this, exchange = std::move(exchange), record = std::move(record),
         then = std::move(then)](std::vector<double> scores, const std::string& failure) {
          post([=, this, own = record]() mutable {
            judging_.erase(own.id);
            if (*gone) {
              metrics_.count_cancelled("judging");
              own.finish = "cancelled", own.status = 499;
              return over(own, prompt);
            }
            try {
              if (!failure.empty()) throw ApiError(500, failure, {}, "model_failed");
              then(exchange, own, scores);
            } catch (const ApiError& e) {
              refuse(*exchange, own, e, prompt);
            }
          });
        });
}

void Api::moderate(const Fields& f, std::shared_ptr<HttpExchange> exchange, RequestRecord record,
                   const Post& post) {
  std::string name = f.text("model").value_or("");
  const auto only = models_.only(ModelUse::moderation);
  if (only && (name.empty() || std::ranges::find(kOpenAiNames, name) != kOpenAiNames.end()))
    name = only->id;
  if (name.empty())
    throw ApiError(404,
                   "this server has no moderation model, or several; grow a node of stage "
                   "moderation, or name one",
                   "model", "model_not_found");
  const auto filter = models_.called(name, ModelUse::moderation);
  std::vector<std::vector<Token>> all;
  for (const std::string& text : inputs_of(f)) {
    all.push_back(read_chat(*filter, {{ChatMessage::Kind::turn, Role::user, text}}, false).tokens);
    room_for(*filter, std::ssize(all.back()), 0, "input");
    record.usage.prompt += std::ssize(all.back());
  }
  record.model = filter->id;
  judged(filter, std::move(all), std::move(exchange), std::move(record), "", post,
         [=, this](const std::shared_ptr<HttpExchange>& own, RequestRecord& judged_record,
                   const std::vector<double>& scores) {
           Json body = {{"id", "modr-" + judged_record.id}, {"model", filter->id}};
           Json& results = body["results"] = Json::array();
           for (const double s : scores)
             results.push_back(moderation_result(s, s >= filter->threshold));
           answer(*own, judged_record, body);
         });
}

// --- models and tokenizers ----------------------------------------------------------------------

Api::Json Api::model_json(const ServedModel& m) const {
  Json capabilities = Json::array();
  if (m.use == ModelUse::language) {
    capabilities.push_back("completion");
    if (m.manifest.chats) capabilities.push_back("chat");
  } else {
    capabilities.push_back(enum_names(ModelUse())[static_cast<size_t>(m.use)]);
  }
  return {{"id", m.id},
          {"object", "model"},
          {"created", m.created},
          {"owned_by", "lineage"},
          {"root", m.name},
          {"parent", m.parent.empty() ? Json() : Json(m.parent)},
          {"stage", m.manifest.stage},
          {"parameters", parameter_count(m.config)},
          {"context_length", m.config.context},
          {"max_model_len", m.config.context},
          {"tokens", m.manifest.tokens},
          {"seed", m.manifest.seed},
          {"weights", m.manifest.weights},
          {"capabilities", std::move(capabilities)},
          {"lineage",
           {{"tools", m.manifest.chats && call_marks(m.manifest, *m.tokenizer).has_value()},
            {"documents", m.manifest.chats && options_.documents != nullptr}}}};
}

Api::Json Api::models_json() const {
  models_.look_again();
  Json list = Json::array();
  for (const auto& m : models_.all()) list.push_back(model_json(*m));
  return {{"object", "list"}, {"data", std::move(list)}};
}

std::shared_ptr<const Tokenizer> Api::tokenizer_for(const std::string& name) const {
  if (name.empty())
    if (auto shared = models_.shared_tokenizer()) return shared;
  return models_.called(name)->tokenizer;
}

Api::Json Api::tokenizer_json(const std::string& model) const {
  const auto t = tokenizer_for(model);
  Json info = {{"tokenizer_class", "PreTrainedTokenizerFast"},
               {"bos_token", special_or_null(*t, Special::end_of_text)},
               {"eos_token", special_or_null(*t, Special::end_of_text)},
               {"pad_token", special_or_null(*t, Special::pad)},
               {"vocab_size", t->vocab()}};
  if (!t->begin_of_text().empty()) info["bos_token"] = t->decode(t->begin_of_text().first(1));
  if (t->find_special(Special::end_of_turn))
    if (const auto jinja = ChatTemplate(*t).jinja()) info["chat_template"] = *jinja;
  return info;
}

Api::Json Api::tokenized(const Fields& f) const {
  const std::string name = f.text("model").value_or("");
  const auto t = tokenizer_for(name);
  std::vector<Token> tokens;
  if (f.has("messages")) {
    tokens = read_chat(*models_.called(name), chat_messages(f), false).tokens;
  } else {
    const auto text = f.text("prompt");
    if (!text) throw invalid_value("prompt", "prompt is absent; wanted a string");
    if (f.flag("add_special_tokens").value_or(true))
      tokens.assign(t->begin_of_text().begin(), t->begin_of_text().end());
    try {  // special tokens too: a harness wants the id of the end of text
      for (const Token token : t->encode_with_specials(*text)) tokens.push_back(token);
    } catch (const Error& e) {
      throw invalid_value("prompt", e.what());
    }
  }
  Json body = {{"count", tokens.size()}, {"tokens", tokens}};
  if (!name.empty() || models_.default_model())
    body["max_model_len"] = models_.called(name)->config.context;
  return body;
}

Api::Json Api::detokenized(const Fields& f) const {
  const auto t = tokenizer_for(f.text("model").value_or(""));
  const json* list = f.find("tokens");
  if (!list || !list->is_array())
    throw invalid_value("tokens", "tokens is no list; wanted a list of token ids");
  std::vector<Token> tokens;
  for (const json& id : *list) {
    if (!id.is_number_integer() || !between(0, 0x7fffffff).contains(id.get<double>()) ||
        !t->contains(id.get<Token>()))
      throw invalid_value(
          "tokens", "tokens has " + id.dump().substr(0, 40) + "; wanted ids of this vocabulary");
    tokens.push_back(id);
  }
  return {{"prompt", valid_utf8(t->decode(tokens))}};
}

}  // namespace lineage
