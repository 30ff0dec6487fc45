#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "lineage/documents/document_index.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/front.h"
#include "lineage/serve/generation.h"
#include "lineage/serve/metrics.h"
#include "lineage/serve/scheduler.h"
#include "lineage/serve/served_models.h"

namespace lineage {

struct ApiOptions {
  std::string content_filter;  // the moderation model that judges every conversation; "": none
  bool log_prompts = false;
  const DocumentIndex* documents = nullptr;  // that requests may ask for; outlives the server
};

// The endpoints, apart from sockets. All functions but the constructor are called by one thread, in
// the order of what happened; HttpExchange brings the answers to the thread that sends them.
class Api {
 public:
  // A line of the log for a request that is over: what happened, and the prompt where that is
  // wanted.
  using Log = std::function<void(const RequestRecord&, double seconds, const std::string& prompt)>;
  // All of them outlive it.
  Api(const ApiOptions&, ServedModels&, Scheduler&, Metrics&, Log);
  ~Api();

  // A request that Front let pass. `post` brings a function back to this thread.
  using Post = std::function<void(std::function<void()>)>;
  void handle(const HttpRequest&, std::shared_ptr<HttpExchange>, RequestRecord, const Post& post);
  void take(std::vector<SequenceEvent>);
  // The client of the request left: its sequences are cancelled.
  void gone(const std::string& request_id);
  // Ends what is still answered.
  void end_all(const std::string& why);
  int64_t jobs() const { return std::ssize(jobs_); }

 private:
  struct Running;
  using Json = OrderedJson;
  Json models_json() const;
  Json model_json(const ServedModel&) const;
  Json tokenizer_json(const std::string& model) const;
  Json tokenized(const Fields&) const;
  Json detokenized(const Fields&) const;
  void start(std::unique_ptr<Job>, const std::string& prompt);
  void chat(const Fields&, std::shared_ptr<HttpExchange>, RequestRecord, const std::string& prompt,
            const Post&);
  void moderate(const Fields&, std::shared_ptr<HttpExchange>, RequestRecord, const Post&);
  using WithScores = std::function<void(std::shared_ptr<HttpExchange>, RequestRecord&,
                                        const std::vector<double>& scores)>;
  void judged(std::shared_ptr<const ServedModel> filter, std::vector<std::vector<Token>>,
              std::shared_ptr<HttpExchange>, RequestRecord, const std::string& prompt, const Post&,
              WithScores);
  void finish(const std::string& request_id);
  void over(RequestRecord&, const std::string& prompt);
  void answer(HttpExchange&, RequestRecord&, const Json&);
  void refuse(HttpExchange&, RequestRecord&, const ApiError&, const std::string& prompt);
  GenerationContext context(std::shared_ptr<const ServedModel>, const char* prefix,
                            const char* object, const RequestRecord&);
  std::shared_ptr<const Tokenizer> tokenizer_for(const std::string& model) const;

  const ApiOptions& options_;
  ServedModels& models_;
  Scheduler& scheduler_;
  Metrics& metrics_;
  Log log_;
  uint64_t next_seed_;
  std::unordered_map<std::string, std::unique_ptr<Running>> jobs_;  // by request
  std::unordered_map<SequenceId, std::pair<Running*, size_t>> by_sequence_;
  // Of requests that a filter judges: whether the client has left.
  std::unordered_map<std::string, std::shared_ptr<std::atomic<bool>>> judging_;
};

}  // namespace lineage
