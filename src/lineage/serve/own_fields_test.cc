#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>

#include "lineage/serve/api.h"
#include "lineage/serve/testing.h"

namespace lineage {
namespace {

using nlohmann::json;
using testing::FakeExchange;
using ::testing::HasSubstr;

void write_script(const fs::path& folder, const std::map<std::string, std::string>& next) {
  const Model model = testing::scripted_model(next);
  Checkpoint::write(folder, model.manifest, *model.parameters, model.tokenizer.get());
}

// Models that call, one that does not, and the API over them with documents, on this thread.
class OwnFieldsTest : public ::testing::Test {
 protected:
  OwnFieldsTest() {
    const auto run = [&](const char* node) { return folder.path() / "trees" / "t" / node; };
    write_script(run("adds"),
                 testing::caller("+", "5", {{"12", "<ans>"}, {"<ans>", "cat"}, {"cat", "<eot>"}}));
    write_script(run("divides"), testing::caller("//", "0", {}));
    write_script(run("repeats"), testing::caller("+", "5", {{"12", "<call>"}}));
    write_script(run("talks"), {{"<bot>", "cat"}, {"cat", "dog"}, {"dog", "<eot>"}});
    testing::write_model(run("bytes"), testing::small_tokenizer(), 2, true);
    testing::write_text(folder.path() / "docs" / "a.txt",
                        "the pet of ann is a cat .\n\nthe food of ben is cake .\n");
    testing::write_text(folder.path() / "docs" / "sub" / "b.txt", "ann likes soup .\n");
    documents = std::make_unique<DocumentIndex>(folder.path() / "docs");
    options.documents = documents.get();
    models = std::make_unique<ServedModels>(std::vector<std::string>{folder.string()}, "");
    scheduler = std::make_unique<Scheduler>(SchedulerOptions{int64_t{1} << 30, 2, 8, 8},
                                            [this](std::vector<SequenceEvent> events) {
                                              const std::lock_guard lock(mutex);
                                              for (SequenceEvent& e : events)
                                                queue.push_back(std::move(e));
                                              wake.notify_one();
                                            });
    api = std::make_unique<Api>(
        options, *models, *scheduler, metrics,
        [this](const RequestRecord& r, double, const std::string&) { records.push_back(r); });
  }
  ~OwnFieldsTest() override { scheduler.reset(); }

  std::string send(const json& body, const std::shared_ptr<FakeExchange>& exchange) {
    HttpRequest r;
    r.method = "POST", r.target = "/v1/chat/completions", r.body = body.dump();
    RequestRecord record;
    record.id = std::to_string(++requests), record.path = r.target;
    api->handle(r, exchange, record, [](const std::function<void()>& f) { f(); });
    return record.id;
  }
  void pump(const std::function<bool()>& done) {
    while (!done()) {
      std::vector<SequenceEvent> now;
      {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(wake.wait_for(lock, std::chrono::seconds(60), [&] { return !queue.empty(); }));
        now.swap(queue);
      }
      api->take(std::move(now));
    }
  }
  std::shared_ptr<FakeExchange> ask(const json& body) {
    auto exchange = std::make_shared<FakeExchange>();
    send(body, exchange);
    pump([&] { return exchange->answered; });
    return exchange;
  }
  static json chat(const char* model, const json& more, const char* text = "ann ?") {
    json body = {{"model", model},
                 {"temperature", 0},
                 {"messages", json::array({{{"role", "user"}, {"content", text}}})}};
    body.update(more);
    return body;
  }
  // "400 param message"
  std::string refused(const json& body) {
    const auto e = ask(body);
    const json error = e->json().value("error", json::object());
    return std::to_string(e->status) + " " + error.value("param", "-") + " " +
           error.value("message", "-");
  }

  testing::TempFolder folder;
  std::unique_ptr<DocumentIndex> documents;
  std::unique_ptr<ServedModels> models;
  ApiOptions options;
  Metrics metrics;
  std::vector<RequestRecord> records;
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<SequenceEvent> queue;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Api> api;
  int requests = 0;
};

const json kTools = {{"lineage", {{"tools", true}}}};

// The texts, log-probabilities, calls, sources and ends of a stream, as an unstreamed answer has
// them.
json whole_of(const std::vector<json>& events) {
  json all = {{"choices", json::array()}, {"lineage", json::object()}};
  for (const json& e : events) {
    const json own = e.value("lineage", json::object());
    for (const auto& [key, value] : own.items()) {
      if (!value.is_array()) all["lineage"][key] = value;
      if (!value.is_array()) continue;
      for (const json& v : value) all["lineage"][key].push_back(v);
    }
    for (const json& c : e["choices"]) {
      const size_t i = c["index"];
      while (all["choices"].size() <= i)
        all["choices"].push_back({{"text", ""}, {"logprobs", json::array()}});
      json& mine = all["choices"][i];
      mine["text"] = mine["text"].get<std::string>() + c["delta"].value("content", std::string());
      if (!c["logprobs"].is_null())
        for (const json& v : c["logprobs"]["content"]) mine["logprobs"].push_back(v);
      if (!c["finish_reason"].is_null()) mine["end"] = c["finish_reason"];
    }
  }
  return all;
}
json whole_of(const json& answer) {
  json all = {{"choices", json::array()}, {"lineage", answer["lineage"]}};
  for (const json& c : answer["choices"])
    all["choices"].push_back(
        {{"text", c["message"]["content"]},
         {"logprobs", c["logprobs"].is_null() ? json::array() : c["logprobs"]["content"]},
         {"end", c["finish_reason"]}});
  return all;
}

TEST_F(OwnFieldsTest, ACallRunsAndTheAnswerGoesOn) {
  const json a = ask(chat("adds", kTools))->json();
  EXPECT_EQ(a["choices"][0]["message"]["content"], "<ans> cat");
  EXPECT_FALSE(a["choices"][0]["message"].contains("tool_calls"));
  EXPECT_EQ(a["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(
      a["lineage"]["tools"],
      json::array(
          {{{"index", 0}, {"code", "print ( 7 + 5 )"}, {"result", "12"}, {"error", nullptr}}}));
  EXPECT_EQ(a["usage"]["completion_tokens"], 8 + 3) << "the call with <ret>, then the text";
  EXPECT_EQ(records.back().usage.completion, 11);
}

TEST_F(OwnFieldsTest, WithoutTheFieldACallIsText) {
  const json a = ask(chat("adds", {{"max_tokens", 8}}))->json();
  EXPECT_EQ(a["choices"][0]["message"]["content"], "<call> print ( 7 + 5 ) <ret>");
  EXPECT_FALSE(a["lineage"].contains("tools"));
  EXPECT_EQ(ask(chat("talks", kTools))->json()["lineage"]["tools"], json::array());
}

TEST_F(OwnFieldsTest, AFaultEndsTheAnswerAndIsShown) {
  const json a = ask(chat("divides", kTools))->json();
  EXPECT_EQ(a["choices"][0]["message"]["content"], "");
  EXPECT_EQ(a["choices"][0]["finish_reason"], "stop");
  const json run = a["lineage"]["tools"].at(0);
  EXPECT_TRUE(run["result"].is_null());
  EXPECT_THAT(run["error"].get<std::string>(), HasSubstr("ZeroDivisionError"));
}

TEST_F(OwnFieldsTest, CallsHaveALimitAndRoom) {
  const json a = ask(chat("repeats", kTools))->json();
  EXPECT_EQ(a["choices"][0]["message"]["content"], "");
  const json& runs = a["lineage"]["tools"];
  ASSERT_EQ(runs.size(), 9u);
  EXPECT_EQ(runs[7]["result"], "12");
  EXPECT_THAT(runs[8]["error"].get<std::string>(), HasSubstr("has made 8 calls"));
  // Within a call, behind it, and just enough.
  const auto with = [&](int most) {
    json more = kTools;
    more["max_tokens"] = most;
    return ask(chat("adds", more))->json();
  };
  EXPECT_THAT(with(5)["lineage"]["tools"][0]["error"].get<std::string>(), HasSubstr("is cut"));
  EXPECT_EQ(with(5)["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(with(8)["lineage"]["tools"][0]["result"], "12");
  EXPECT_EQ(with(8)["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(with(10)["choices"][0]["message"]["content"], "<ans> cat");
  json stopped = kTools;
  stopped["stop"] = "+";
  EXPECT_THAT(ask(chat("adds", stopped))->json()["lineage"]["tools"][0]["error"].get<std::string>(),
              HasSubstr("stop text"));
}

TEST_F(OwnFieldsTest, StopTextsAreLookedForInEachPartAndInNoResult) {
  const auto stopped_by = [&](const char* text) {
    json more = kTools;
    more["stop"] = text;
    return ask(chat("adds", more))->json();
  };
  const json behind = stopped_by("cat");
  EXPECT_THAT(behind["choices"][0]["message"]["content"].get<std::string>(),
              ::testing::StartsWith("<ans>"));
  EXPECT_THAT(behind["choices"][0]["message"]["content"].get<std::string>(),
              ::testing::Not(HasSubstr("cat")));
  EXPECT_EQ(behind["lineage"]["tools"][0]["result"], "12");
  for (const char* text : {"12", "12 <ans>", "<ret> 12"}) {
    const json a = stopped_by(text);
    EXPECT_EQ(a["choices"][0]["message"]["content"], "<ans> cat") << text;
    EXPECT_EQ(a["lineage"]["tools"][0]["error"], nullptr) << text;
  }
}

TEST_F(OwnFieldsTest, AStreamIsTheUnstreamedAnswerAndNoNeighbourChangesIt) {
  std::vector<json> bodies, alone;
  for (const char* model : {"adds", "divides", "repeats", "talks"}) {
    json more = {{"lineage", {{"tools", true}, {"documents", 2}}},
                 {"n", 2},
                 {"logprobs", true},
                 {"top_logprobs", 2},
                 {"seed", 3}};
    bodies.push_back(chat(model, more));
    bodies.back()["temperature"] = 0.02;
  }
  for (const json& b : bodies) alone.push_back(whole_of(ask(b)->json()));
  std::vector<std::shared_ptr<FakeExchange>> together;
  for (json b : bodies) {
    b["stream"] = true;
    together.push_back(std::make_shared<FakeExchange>());
    send(b, together.back());
  }
  for (size_t i = 0; i < bodies.size(); ++i) {
    pump([&] { return together[i]->answered; });
    ASSERT_TRUE(together[i]->streamed) << together[i]->body;
    json streamed = whole_of(together[i]->events());
    const auto by_choice = [](json& a) {  // choices of a stream run at the same time
      if (!a["lineage"].contains("tools")) a["lineage"]["tools"] = json::array();
      auto& runs = a["lineage"]["tools"];
      std::stable_sort(runs.begin(), runs.end(),
                       [](const json& x, const json& y) { return x["index"] < y["index"]; });
    };
    by_choice(streamed), by_choice(alone[i]);
    EXPECT_EQ(streamed.dump(), alone[i].dump()) << bodies[i];
  }
  const json& entries = alone[0]["choices"][0]["logprobs"];
  ASSERT_EQ(entries.size(), 3u) << "of the text and its end, none of the call";
  EXPECT_EQ(entries[0]["token"], "<ans>");
}

TEST_F(OwnFieldsTest, AChunkHasTheCallWhenItRan) {
  json more = kTools;
  more["stream"] = true;
  const auto events = ask(chat("adds", more))->events();
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events[0]["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(events[1]["choices"][0]["delta"], json::object());
  EXPECT_EQ(events[1]["lineage"]["tools"][0]["result"], "12");
  EXPECT_EQ(events[2]["choices"][0]["delta"]["content"], "<ans>");
}

TEST_F(OwnFieldsTest, AClientThatLeavesTakesFurtherPartsAway) {
  json more = kTools;
  more["stream"] = true;
  const auto exchange = std::make_shared<FakeExchange>();
  const std::string id = send(chat("repeats", more), exchange);
  pump([&] { return exchange->body.find("\"tools\"") != std::string::npos; });
  api->gone(id);
  EXPECT_EQ(api->jobs(), 0);
  EXPECT_EQ(records.back().finish, "cancelled");
  ask(chat("talks", json::object()));
  EXPECT_EQ(scheduler->status().running, 0);
  EXPECT_EQ(scheduler->status().waiting, 0);
}

TEST_F(OwnFieldsTest, PartsThatGoOnAreNeverRefused) {
  // As many as may wait: every further part would be one too many.
  std::vector<std::shared_ptr<FakeExchange>> all;
  do {
    all.push_back(std::make_shared<FakeExchange>());
    send(chat("repeats", kTools), all.back());
  } while (all.back()->status != 429);
  all.pop_back();
  pump([&] { return std::ranges::all_of(all, [](const auto& e) { return e->answered; }); });
  for (const auto& e : all) EXPECT_EQ(e->json()["lineage"]["tools"].size(), 9u) << e->body;
}

TEST_F(OwnFieldsTest, LinesStandBehindTheQuestion) {
  const json plain = ask(chat("talks", json::object()))->json();
  EXPECT_FALSE(plain["lineage"].contains("sources"));
  const json a = ask(chat("talks", {{"lineage", {{"documents", true}}}}))->json();
  const json& sources = a["lineage"]["sources"];
  ASSERT_EQ(sources.size(), 2u);
  std::vector<std::string> places;
  for (const json& s : sources) {
    places.push_back(s["file"].get<std::string>() + ":" + s["line"].dump());
    EXPECT_GT(s["score"].get<double>(), 0);
  }
  std::ranges::sort(places);
  EXPECT_EQ(places, (std::vector<std::string>{"a.txt:1", "sub/b.txt:1"}));
  // ": <ret> the pet of ann is a cat . <ret> ann likes soup ."
  EXPECT_EQ(a["usage"]["prompt_tokens"].get<int>() - plain["usage"]["prompt_tokens"].get<int>(),
            1 + 9 + 5);
  const json one = ask(chat("talks", {{"lineage", {{"documents", 1}}}}))->json();
  EXPECT_EQ(one["lineage"]["sources"].size(), 1u);
  const json none = ask(chat("talks", {{"lineage", {{"documents", 4}}}}, "moth ?"))->json();
  EXPECT_EQ(none["lineage"]["sources"], json::array());
  const json bytes =
      ask(chat("bytes", {{"lineage", {{"documents", 4}}}, {"max_tokens", 1}}, "cake"))->json();
  EXPECT_LE(bytes["usage"]["total_tokens"].get<int>(), 64);
}

TEST_F(OwnFieldsTest, LinesLeaveRoomForTheAnswer) {
  const auto sources = [&](int most) {
    const json a =
        ask(chat("talks", {{"max_tokens", most}, {"lineage", {{"documents", 4}}}}))->json();
    return a["lineage"]["sources"].size();
  };
  EXPECT_EQ(sources(20), 2u);
  // Of a context of 96 the turn takes 6.
  EXPECT_EQ(sources(80), 1u);
  EXPECT_EQ(sources(88), 0u);
}

TEST_F(OwnFieldsTest, WhatCannotBeDoneIsRefusedByName) {
  const auto own = [&](const json& fields, const char* model = "adds") {
    return refused(chat(model, {{"lineage", fields}}));
  };
  EXPECT_THAT(own(3), HasSubstr("400 lineage lineage is a number; wanted an object"));
  EXPECT_THAT(own({{"tool", true}}), HasSubstr("400 lineage.tool lineage.tool is no field"));
  EXPECT_THAT(own({{"tools", 1}}), HasSubstr("400 lineage.tools"));
  EXPECT_THAT(own({{"documents", 33}}), HasSubstr("400 lineage.documents"));
  EXPECT_THAT(own({{"documents", "a"}}), HasSubstr("400 lineage.documents"));
  EXPECT_THAT(own({{"tools", true}}, "bytes"),
              HasSubstr("400 lineage.tools lineage.tools: 'bytes' was trained on no tools"));
  json both = chat("adds", kTools);
  both["tools"] = json::parse(R"([{"type": "function", "function": {"name": "c", "parameters": {
      "type": "object", "properties": {"x": {"type": "string"}}}}}])");
  EXPECT_THAT(refused(both), HasSubstr("lineage.tools and tools are both there"));
  json system = chat("adds", {{"lineage", {{"documents", true}}}});
  system["messages"][0]["role"] = "system";
  EXPECT_THAT(refused(system), HasSubstr("no turn of the user"));
  options.documents = nullptr;
  EXPECT_THAT(own({{"documents", true}}),
              HasSubstr("400 lineage.documents lineage.documents: this server has none"));
  EXPECT_EQ(ask(chat("adds", {{"lineage", {{"documents", false}}}}))->status, 200);
}

}  // namespace
}  // namespace lineage
