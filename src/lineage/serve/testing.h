#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "lineage/checkpoint/checkpoint.h"
#include "lineage/run/testing.h"
#include "lineage/serve/api.h"
#include "lineage/text/bpe_train.h"
#include "lineage/text/chat.h"

namespace lineage::testing {

// Records an answer.
class FakeExchange final : public HttpExchange {
 public:
  void respond(HttpResponse r) override {
    answered = true, status = r.status, headers = r.headers, body = r.body;
  }
  void begin(int s, HttpHeaders h) override { status = s, headers = std::move(h), streamed = true; }
  void write(std::string piece) override { body += piece; }
  void finish() override { answered = true; }
  void on_gone(std::function<void()>) override {}

  // The JSON of an answer.
  nlohmann::json json() const { return nlohmann::json::parse(body); }
  // The JSON of a stream's events, without the last, "[DONE]".
  std::vector<nlohmann::json> events() const {
    std::vector<nlohmann::json> all;
    for (size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) {
      at += 6;
      const std::string data = body.substr(at, body.find("\n\n", at) - at);
      if (data != "[DONE]") all.push_back(nlohmann::json::parse(data));
    }
    return all;
  }
  std::optional<std::string> header(const std::string& name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }

  int status = 0;
  HttpHeaders headers;
  std::string body;
  bool answered = false, streamed = false;
};

// A tokenizer of bytes and a few words, with the tokens of the roles.
inline std::shared_ptr<const Tokenizer> small_tokenizer() {
  BpeTrainOptions options;
  options.vocab = 300;
  options.specials = chat_specials();
  const std::vector<std::string_view> documents = {
      "the cat sat on the mat and the dog sat on the log é 🙂 naïve, the cat and the dog 🙂 "
      "é"};
  return train_bpe(options, documents);
}

// Writes an untrained model whose tokens differ clearly; it says anything.
inline Manifest write_model(const fs::path& folder,
                            const std::shared_ptr<const Tokenizer>& tokenizer, uint64_t seed,
                            bool chats, const std::vector<std::string>& parents = {},
                            bool scalar_head = false) {
  GptConfig config;
  config.layers = 2, config.width = 32, config.heads = 4, config.context = 64;
  config.vocab = tokenizer->vocab();
  config.scalar_head = scalar_head;
  Model model = make_model(config, false);
  model.parameters->initialize(seed);
  for (float& x : model.parameters->values().data<float>()) x *= 4;
  Manifest m;
  m.stage = chats ? "sft" : "pretrain";
  m.chats = chats;
  m.seed = seed;
  m.parents = parents;
  m.created = "2026-11-30T00:00:00Z";
  m.config = frozen_model_config(config);
  return Checkpoint::write(folder, m, *model.parameters, tokenizer.get());
}

}  // namespace lineage::testing
