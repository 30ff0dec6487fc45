#include "lineage/run/chat_session.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/data/conversation_record.h"
#include "lineage/run/testing.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

// The message and hint of the Error that a call throws.
template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    return std::string(e.what()) + " | " + e.hint();
  }
  return "no error";
}

// An untrained model of a tokenizer; it writes anything.
Model untrained(const std::shared_ptr<const Tokenizer>& tokenizer, uint64_t seed,
                int64_t context = 32) {
  GptConfig config;
  config.layers = 1, config.width = 8, config.heads = 1, config.context = context;
  config.vocab = tokenizer->vocab();
  Model model = make_model(config, false);
  model.parameters->initialize(seed);
  model.tokenizer = tokenizer;
  return model;
}

class ChatSessionTest : public ::testing::Test {
 protected:
  static Sampling sampling(double temperature = 1) {
    Sampling s;
    s.temperature = temperature, s.max_tokens = 4;
    return s;
  }
  static ChatSession session_of(std::vector<uint64_t> seeds, const Sampling& s,
                                int64_t context = 32) {
    std::vector<ChatSession::Node> nodes;
    for (uint64_t seed : seeds)
      nodes.push_back(
          {"node" + std::to_string(seed), untrained(Vocabulary::get().tokenizer(), seed, context)});
    return ChatSession(std::move(nodes), s);
  }
  static std::vector<std::string> texts(const ChatSession& s, size_t node = 0) {
    std::vector<std::string> texts;
    for (const ChatTurn& t : s.history(node).turns()) texts.push_back(t.text);
    return texts;
  }

  testing::TempFolder folder;
};

// A history of turns "ann" and answers of `tokens` tokens; a turn has two more.
ChatHistory history_of(int exchanges, size_t tokens) {
  ChatHistory history(*Vocabulary::get().tokenizer());
  for (int i = 0; i < exchanges; ++i) {
    history.say(Role::user, std::to_string(i));
    history.answer(std::vector<Token>(tokens, word_token("ann")), "…");
  }
  return history;
}

TEST(ChatHistory, ThePromptIsThatOfTheTemplate) {
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  ChatHistory history(tokenizer);
  history.say(Role::user, "where is ann ?");
  history.answer(tokenizer.encode("in ullin"), "in ullin");
  history.say(Role::user, "why ?");
  history.set_system("be good");
  const std::vector<Turn> turns = {{Role::system, "be good"},
                                   {Role::user, "where is ann ?"},
                                   {Role::assistant, "in ullin"},
                                   {Role::user, "why ?"}};
  EXPECT_EQ(history.prompt(100).tokens, ChatTemplate(tokenizer).prompt(turns));
  EXPECT_EQ(history.prompt(100).left_out, 0);
  history.set_system("");
  EXPECT_EQ(history.prompt(100).tokens,
            ChatTemplate(tokenizer).prompt(std::span(turns).subspan(1)));
}

TEST(ChatHistory, TheOldestExchangesAreLeftOutAndTheSystemsTurnStays) {
  ChatHistory history = history_of(3, 5);  // 3 + 7 tokens an exchange
  history.set_system("be good");           // 4
  history.say(Role::user, "9");            // 3, and 1 that opens the answer
  EXPECT_EQ(history.prompt(38).tokens.size(), 38u);
  EXPECT_EQ(history.prompt(38).left_out, 0);
  const ChatHistory::Prompt cut = history.prompt(37);
  EXPECT_EQ(cut.left_out, 2);
  EXPECT_EQ(cut.tokens.size(), 28u);
  const std::string text = tokens_to_words(cut.tokens);
  EXPECT_NE(text.find("be good"), std::string::npos) << text;
  EXPECT_EQ(history.prompt(18).left_out, 4);
  // The last turn stays, whatever the room.
  EXPECT_EQ(history.prompt(1).left_out, 6);
  EXPECT_EQ(history.prompt(1).tokens.size(), 8u);
}

TEST(ChatHistory, UndoTakesBackATurnWithItsAnswer) {
  ChatHistory history = history_of(2, 1);
  history.set_system("be good");
  EXPECT_TRUE(history.undo());
  EXPECT_EQ(history.turns().size(), 3u);
  history.undo_answer();
  EXPECT_EQ(history.turns().back().role, Role::user);
  history.undo_answer();
  EXPECT_EQ(history.turns().size(), 2u);
  EXPECT_TRUE(history.undo());
  EXPECT_FALSE(history.undo());
  EXPECT_EQ(history.turns().size(), 1u);  // the system's
}

TEST(LeadingBlanks, AreCutBeforeTheFirstWordAlone) {
  LeadingBlanks blanks;
  EXPECT_EQ(blanks.cut("  "), "");
  EXPECT_EQ(blanks.cut(" a"), "a");
  EXPECT_EQ(blanks.cut(" b"), " b");
}

TEST_F(ChatSessionTest, CallsAreRunAndAreNoTextOfTheAnswer) {
  const auto session = [&](std::map<std::string, std::string> next) {
    std::vector<ChatSession::Node> nodes;
    nodes.push_back({"scripted", testing::scripted_model(next)});
    Sampling greedy = sampling(0);
    greedy.max_tokens = 30;
    return ChatSession(std::move(nodes), greedy, {.run_calls = true});
  };
  ChatSession adds = session(testing::caller("+", "5", {{"12", "<ans>"}, {"<ans>", "cat"}}));
  std::string written;
  const ChatAnswer answer = adds.ask("ann", [&](size_t, std::string_view text) {
    written += text;
    return true;
  })[0];
  EXPECT_EQ(answer.text, "<ans> cat");
  EXPECT_EQ(written, answer.text);
  ASSERT_EQ(answer.runs.size(), 1u);
  EXPECT_EQ(answer.runs[0].code, "print ( 7 + 5 )");
  EXPECT_EQ(answer.runs[0].result, "12");
  EXPECT_EQ(answer.tokens, 7 + 2);
  EXPECT_EQ(tokens_to_words(adds.history(0).turns().back().tokens),
            "<call> print ( 7 + 5 ) <ret> 12 <ans> cat");
  const ChatAnswer failed = session(testing::caller("//", "0", {})).ask("ann")[0];
  EXPECT_EQ(failed.text, "");
  EXPECT_NE(failed.runs.at(0).error.find("ZeroDivisionError"), std::string::npos);
  EXPECT_EQ(error_of([] {
              std::vector<ChatSession::Node> nodes;
              nodes.push_back({"node1", untrained(Vocabulary::get().tokenizer(), 1)});
              const ChatSession none(std::move(nodes), {}, {.run_calls = true});
            }),
            "--tools: node1 was trained on no calls; wanted a tuned model of the micro-world | "
            "leave --tools out");
}

TEST_F(ChatSessionTest, LinesOfDocumentsStandBehindTheLastTurnAlone) {
  testing::write_text(folder.path() / "a.txt", "the pet of ann is a cat .\nben has a dog .\n");
  const DocumentIndex documents(folder.path());
  std::vector<ChatSession::Node> nodes;
  nodes.push_back({"scripted", testing::scripted_model({{"<bot>", "cat"}})});
  ChatSession session(std::move(nodes), sampling(0), {.documents = &documents});
  const ChatAnswer answer = session.ask("which pet has ann ?")[0];
  ASSERT_EQ(answer.sources.size(), 1u);
  EXPECT_EQ(answer.sources[0].text, "the pet of ann is a cat .");
  EXPECT_EQ(session.ask("dog ?")[0].sources.at(0).line, 2);
  EXPECT_TRUE(session.ask("cake ?")[0].sources.empty());
  EXPECT_EQ(texts(session), (std::vector<std::string>{"which pet has ann ?", "cat", "dog ?", "cat",
                                                      "cake ?", "cat"}))
      << "the history has what was said";
  const auto prompt = session.history(0).prompt(96, words_to_tokens(": <ret> cat ."));
  EXPECT_EQ(tokens_to_words(prompt.tokens).find("which pet has ann ? <eot>"), 7u);
  EXPECT_NE(tokens_to_words(prompt.tokens).find("cake ? : <ret> cat . <eot>"), std::string::npos);
}

TEST_F(ChatSessionTest, EachNodeHasAHistoryOfItsOwn) {
  ChatSession both = session_of({1, 2}, sampling()), second = session_of({2}, sampling());
  std::vector<std::string> written(2);
  const auto answers = both.ask("ann", [&](size_t node, std::string_view text) {
    written[node] += text;
    return true;
  });
  ASSERT_EQ(answers.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(written[i], answers[i].text);
    EXPECT_EQ(texts(both, i), (std::vector<std::string>{"ann", answers[i].text}));
  }
  EXPECT_NE(answers[0].text, answers[1].text);
  // A node answers as it does alone.
  EXPECT_EQ(second.ask("ann")[0].text, answers[1].text);
  EXPECT_EQ(second.ask("tom")[0].text, both.ask("tom")[1].text);
}

TEST_F(ChatSessionTest, ARetryIsDrawnWithTheNextSeed) {
  ChatSession chat = session_of({1}, sampling());
  const std::string first = chat.ask("ann")[0].text, again = chat.retry()[0].text;
  EXPECT_NE(first, again);
  EXPECT_EQ(chat.seed_used(), 1u);
  EXPECT_EQ(texts(chat), (std::vector<std::string>{"ann", again}));
  ChatSession other = session_of({1}, sampling());
  other.set_seed(1);
  EXPECT_EQ(other.ask("ann")[0].text, again);
  // The next turn begins with the seed again.
  chat.ask("tom");
  EXPECT_EQ(chat.seed_used(), 0u);
}

TEST_F(ChatSessionTest, WhatCannotBeTakenBackOrDrawnAgainIsRefused) {
  ChatSession chat = session_of({1}, sampling(0));
  EXPECT_EQ(error_of([&] { chat.retry(); }),
            "/retry: there is no answer yet; wanted one to draw again | say something first");
  EXPECT_EQ(error_of([&] { chat.undo(); }),
            "/undo: nothing has been said; wanted a turn to take back | ");
  chat.ask("ann");
  EXPECT_EQ(error_of([&] { chat.retry(); }),
            "/retry: the temperature is 0, where every seed gives the same answer; wanted one "
            "above 0 | /temperature 0.7");
  EXPECT_NE(error_of([&] { chat.set_temperature(-1); }).find("temperature is -1"),
            std::string::npos);
  EXPECT_EQ(chat.sampling().temperature, 0);
  chat.undo();
  EXPECT_TRUE(texts(chat).empty());
}

TEST_F(ChatSessionTest, OldTurnsAreLeftOutAndALongMessageChangesNothing) {
  ChatSession chat = session_of({1}, sampling());
  int64_t left_out = 0;
  for (int i = 0; i < 8; ++i) left_out = chat.ask("ann was born in ullin .")[0].left_out;
  EXPECT_GE(left_out, 2 * 4);
  EXPECT_EQ(chat.history(0).turns().size(), 16u);  // they are still there to be saved
  std::string text;
  for (int i = 0; i < 29; ++i) text += "ann ";
  EXPECT_EQ(error_of([&] { chat.ask(text); }),
            "message: has 32 tokens with its template; the context of node1 is 32 for it and the "
            "answer together | shorten it, or the system's turn");
  EXPECT_EQ(chat.history(0).turns().size(), 16u);
  text.resize(text.size() - 4);
  EXPECT_EQ(chat.ask(text)[0].end, Completion::End::length);  // little room, but some
}

TEST_F(ChatSessionTest, AnAnswerThatIsStoppedKeepsWhatIsWritten) {
  Sampling long_one = sampling();
  long_one.max_tokens = 20;
  ChatSession chat = session_of({1, 2}, long_one, 64);
  const std::vector<ChatAnswer> answers =
      chat.ask("ann", [](size_t, std::string_view) { return false; });
  EXPECT_EQ(answers[0].end, Completion::End::cancelled);
  EXPECT_EQ(answers[0].tokens, 1);
  EXPECT_EQ(answers[1].end, Completion::End::cancelled);
  EXPECT_EQ(answers[1].text, "");  // was not asked any more
  EXPECT_EQ(texts(chat, 0), (std::vector<std::string>{"ann", answers[0].text}));
  chat.ask("tom");
  EXPECT_EQ(texts(chat, 1).size(), 4u);
}

TEST_F(ChatSessionTest, SavesWhatTheReaderOfConversationsReads) {
  ChatSession chat = session_of({1, 2}, sampling());
  EXPECT_EQ(error_of([&] { chat.save(folder / "c.jsonl"); }),
            "/save: there is no answer to save; wanted one | say something first");
  chat.set_system("be good");
  chat.ask("ann");
  chat.ask("tom");
  EXPECT_EQ(chat.save(folder / "c.jsonl"), 0);
  std::istringstream lines(read_file(folder / "c.jsonl"));
  size_t node = 0;
  for (std::string line; std::getline(lines, line); ++node) {
    const auto record = nlohmann::json::parse(line);
    EXPECT_EQ(record.at("model"), chat.name(node));
    const RecordContent content = read_record(record, "c.jsonl");
    EXPECT_TRUE(content.notes.empty());
    ASSERT_EQ(content.conversations.size(), 1u);
    std::vector<std::string> read;
    for (const Turn& t : content.conversations[0].turns) read.push_back(t.text);
    EXPECT_EQ(read, texts(chat, node));
    EXPECT_EQ(content.conversations[0].turns[0].role, Role::system);
  }
  EXPECT_EQ(node, 2u);
  EXPECT_NE(error_of([&] {
              chat.save(folder / "c.jsonl");
            }).find("c.jsonl: is there already; wanted the name of a new file"),
            std::string::npos);
}

TEST_F(ChatSessionTest, BlankAnswersAreNotSaved) {
  ChatSession chat = session_of({1, 2}, sampling());
  const auto stop = [](size_t, std::string_view) { return false; };
  chat.ask("ann", stop);  // the second node's is blank
  EXPECT_EQ(chat.save(folder / "one.jsonl"), 1);
  const std::string one = read_file(folder / "one.jsonl");
  EXPECT_EQ(std::ranges::count(one, '\n'), 1) << one;
  chat.ask("tom");
  EXPECT_EQ(chat.save(folder / "two.jsonl"), 1);
  std::istringstream lines(read_file(folder / "two.jsonl"));
  for (std::string line; std::getline(lines, line);)
    EXPECT_EQ(read_record(nlohmann::json::parse(line), "two.jsonl").conversations.size(), 1u);
}

TEST_F(ChatSessionTest, ASystemsTurnNeedsATokenOfItsRole) {
  const auto words = std::make_shared<const WordTokenizer>(
      word_model({"ann", "tom", "?"}, {"<|endoftext|>"}, "?"));
  std::vector<ChatSession::Node> nodes;
  nodes.push_back({"plain", untrained(words, 1)});
  ChatSession chat(std::move(nodes), sampling());
  EXPECT_EQ(error_of([&] { chat.set_system("ann"); }),
            "plain: its tokenizer has no token of the system's turn; wanted one of <|system|>, "
            "<sys> | say it in a turn of your own");
  chat.set_system("");
  chat.ask("tom");
  ChatSession micro = session_of({1}, sampling());
  micro.set_system("ann");
  micro.ask("tom");
  micro.clear();
  EXPECT_EQ(texts(micro), std::vector<std::string>{"ann"});
  micro.set_system("");
  EXPECT_TRUE(texts(micro).empty());
}

TEST_F(ChatSessionTest, OnlyATunedModelConverses) {
  testing::write_model(folder / "tuned", 1, [](Manifest& m) { m.chats = true; });
  EXPECT_FALSE(check_can_chat(load_model(folder / "tuned"), "tuned"));
  testing::write_model(folder / "base", 1, [](Manifest& m) { m.stage = "pretrain"; });
  const Model base = load_model(folder / "base");
  EXPECT_NE(error_of([&] {
              check_can_chat(base, "base");
            }).find("base: stage pretrain tunes on no conversations"),
            std::string::npos);
  testing::write_model(folder / "other", 1, [](Manifest& m) { m.stage = "import"; });
  EXPECT_EQ(check_can_chat(load_model(folder / "other"), "other"),
            "other is imported; whether it was tuned on this template is unknown");
}

}  // namespace
}  // namespace lineage
