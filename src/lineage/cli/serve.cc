#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/cli/commands.h"
#include "lineage/cli/options.h"
#include "lineage/cli/service.h"
#include "lineage/documents/document_index.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/server.h"
#include "lineage/train/machine.h"

namespace lineage::cli {
namespace {

struct ServeArguments {
  std::vector<std::string> models;
  std::string default_model, key_file, documents, rank;
  ServeOptions options;
  int port = 8080;
  double memory = 0;  // GiB; 0: half of what is free
  int threads = 0;
};

// One key a line; blank lines and those that begin with # are none.
std::vector<std::string> read_keys(const std::string& file) {
  std::vector<std::string> keys;
  std::string text = read_file(file);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    line.erase(0, line.find_first_not_of(" \t\r"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && line[0] != '#') keys.push_back(line);
  }
  if (keys.empty())
    throw Error(file + ": has no key; wanted one a line", "openssl rand -hex 24 > " + file);
  return keys;
}

void check_filter(ServedModels& models, const std::string& name) try {
  models.called(name, ModelUse::moderation);
} catch (const ApiError& e) {
  throw Error(std::string("--content-filter: ") + e.what(),
              "a node of stage moderation is one: docs/human-feedback.md");
}

// SIGINT and SIGTERM are taken by one thread: the first drains the server, the second stops it.
class SignalThread {
 public:
  // Before any other thread is started, so that all of them leave these signals alone.
  static void block() {
    const sigset_t set = signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
  }
  explicit SignalThread(Server& server)
      : thread_([this, &server] {
          const sigset_t set = signals();
          for (int signal = 0; sigwait(&set, &signal) == 0 && !ends_;) {
            notify_service("STOPPING=1");
            fmt::print(stderr, "{}: finishing what is being answered; once more ends at once\n",
                       strsignal(signal));
            server.drain();
          }
        }) {}
  ~SignalThread() {
    ends_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }

 private:
  static sigset_t signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
  }
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

std::string url(const ServeOptions& o, uint16_t port) {
  const bool v6 = o.address.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", v6 ? "[" + o.address + "]" : o.address, port);
}

void serve(ServeArguments& a) {
  SignalThread::block();
  set_threads(a.threads);
  std::vector<std::string> notes;
  ServedModels models(a.models, a.default_model, &notes);
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  ServeOptions& o = a.options;
  o.port = static_cast<uint16_t>(a.port);
  o.page.runs = a.models;
  if (!a.key_file.empty()) o.keys = read_keys(a.key_file);
  o.scheduler.memory_bytes =
      a.memory > 0 ? static_cast<int64_t>(a.memory * (1 << 30)) : available_memory() / 2;
  if (!o.content_filter.empty()) check_filter(models, o.content_filter);
  std::optional<DocumentIndex> documents;
  if (!a.documents.empty()) {
    std::vector<std::string> left_out;
    documents.emplace(a.documents, &left_out);
    for (const std::string& note : left_out) fmt::print(stderr, "note: {}\n", note);
    fmt::print(stderr, "{} lines of {} files in {}\n", documents->lines(), documents->files(),
               a.documents);
    o.documents = &*documents;
  }
  if (!a.rank.empty()) {
    std::vector<std::string> unused;
    o.page.rank = read_rank_file(a.rank, &unused);
    for (const std::string& note : unused) fmt::print(stderr, "note: {}\n", note);
  }
  Server server(o, models, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  const SignalThread signals(server);
  const std::string at = url(o, server.port());
  const size_t count = models.all().size();
  fmt::print(stderr, "{} model{} at {}/v1\n", count, count == 1 ? "" : "s", at);
  fmt::print(stderr, "open {}\n", at);
  const ServiceWatch watch([&server] { return server.well(); });
  notify_service("READY=1");
  server.run();
}

}  // namespace

void add_serve(CLI::App& app) {
  auto a = std::make_shared<ServeArguments>();
  CLI::App* c = app.add_subcommand("serve", "Serve models over OpenAI's API");
  c->group("Use a model");
  ServeOptions& o = a->options;
  add_paths(c, "RUN", a->models, "run folders, or checkpoints' folders: all of their models")
      ->required();
  add_name(c, "--host", o.address, "ADDRESS", "address to listen on; default: 127.0.0.1");
  add_number(c, "--port", a->port, between(0, 65535), "port to listen on; 0: any free one");
  add_name(c, "--default-model", a->default_model, "NAME",
           "the model of requests that name none; default: the only one");
  add_path(c, "--api-key-file", a->key_file, "clients need one of its keys, one a line");
  c->add_flag("--insecure", o.open_to_all, "serve an address beyond this machine without a key");
  add_names(c, "--allowed-host", o.allowed_hosts, "HOST",
            "a further name of this server in requests; may be repeated");
  add_names(c, "--allowed-origin", o.allowed_origins, "ORIGIN",
            "a page of that origin may read answers, as https://example.org; may be repeated");
  add_name(c, "--content-filter", o.content_filter, "NAME",
           "a moderation model that judges every conversation before it is answered");
  add_path(c, "--documents", a->documents,
           "a folder of text files, whose lines requests may have looked up");
  add_number(c, "--memory", a->memory, between(0, 1e6), "GiB for models; 0: half of what is free");
  add_number(c, "--slots", o.scheduler.slots, between(1, 4096),
             "answers of a model that are generated at once");
  add_number(c, "--max-waiting", o.scheduler.most_waiting, between(1, 1e6),
             "answers that may wait for one of them; more get 429");
  add_number(c, "--drain-timeout", o.drain_seconds, between(0, 86400),
             "seconds that running answers have when the server is to end");
  c->add_flag("!--no-rankings", o.page.rankings,
              "people rank no answers on the page; else what they rank is kept in RUN/rankings");
  add_path(c, "--rank", a->rank,
           "prompts for people to rank answers to, JSONL; those without answers are for models");
  add_choice(c, "--log", o.log, "a line for each request: logfmt, json or off");
  c->add_flag("--log-prompts", o.log_prompts, "the line has what was sent, too");
  add_threads(c, a->threads);
  c->footer(
      "Examples:\n"
      "  lineage serve runs\n"
      "  curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\\n"
      "    -d '{\"model\": \"chatgpt\", \"messages\": [{\"role\": \"user\", \"content\": "
      "\"hello\"}]}'\n"
      "No prompt or answer is stored, or logged unless --log-prompts is given; answers "
      "that\npeople "
      "rank on the page are (--no-rankings).");
  c->callback([a] { serve(*a); });
}

}  // namespace lineage::cli
