#include "lineage/serve/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lineage/base/json.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr int64_t kMostTokens = 1 << 30, kMostStops = 16, kMostChoices = 128, kMostModels = 16;
constexpr Range kSeeds = between(-0x1p63, 0x1p63);

std::vector<std::string> stop_texts(const Fields& f) {
  const json* j = f.find("stop");
  if (!j) return {};
  std::vector<std::string> stops;
  const auto add = [&](const json& s, const std::string& place) {
    if (!s.is_string())
      throw invalid_value("stop", fmt::format("{} is {}; wanted a string", place, kind_of_json(s)));
    if (s.get_ref<const std::string&>().empty())
      throw invalid_value("stop", place + " is empty; wanted at least one character");
    stops.push_back(s);
  };
  if (!j->is_array()) {
    add(*j, "stop");
    return stops;
  }
  if (std::ssize(*j) > kMostStops)
    throw invalid_value("stop",
                        fmt::format("stop has {} texts; wanted at most {}", j->size(), kMostStops));
  for (size_t i = 0; i < j->size(); ++i) add((*j)[i], fmt::format("stop[{}]", i));
  return stops;
}

std::vector<std::pair<Token, float>> logit_bias(const Fields& f) {
  const json* j = f.find("logit_bias");
  if (!j) return {};
  if (!j->is_object())
    throw invalid_value(
        "logit_bias",
        fmt::format("logit_bias is {}; wanted an object of numbers by token id", kind_of_json(*j)));
  std::vector<std::pair<Token, float>> all;
  for (const auto& [key, value] : j->items()) {
    Token token = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc() || end != key.data() + key.size() || token < 0)
      throw invalid_value("logit_bias",
                          fmt::format("logit_bias has the key \"{}\"; wanted token ids", key));
    if (!value.is_number() || !between(-100, 100).contains(value.get<double>()))
      throw invalid_value("logit_bias",
                          fmt::format("logit_bias of token {} is {}; wanted a number from -100 to "
                                      "100",
                                      token, shown_json(value)));
    if (value.get<double>() != 0) all.emplace_back(token, value.get<float>());
  }
  std::ranges::sort(all);
  return all;
}

std::vector<Token> ids_of(const json& list, const std::string& place) {
  if (list.empty())
    throw invalid_value("prompt", place + " is empty; wanted at least one token id");
  std::vector<Token> ids;
  for (const json& id : list) {
    if (!id.is_number_integer() || !between(0, 0x7fffffff).contains(id.get<double>()))
      throw invalid_value("prompt", fmt::format("{} has {}; wanted token ids, whole numbers from 0",
                                                place, shown_json(id)));
    ids.push_back(id);
  }
  return ids;
}

// --- chat ---------------------------------------------------------------------------------------

Role role_of(const std::string& role, const Fields& f) {
  if (role == "system" || role == "developer") return Role::system;
  if (role == "user") return Role::user;
  if (role == "assistant") return Role::assistant;
  throw invalid_value(f.place("role"),
                      fmt::format("{} is \"{}\"; wanted system, developer, user, assistant or tool",
                                  f.place("role"), role));
}

// A string, or a list of parts of type text.
std::string content_of(const Fields& f, bool may_lack) {
  const json* j = f.find("content");
  const std::string place = f.place("content");
  if (!j) {
    if (may_lack) return "";
    throw invalid_value(place, place + " is absent; wanted a string");
  }
  if (j->is_string()) return *j;
  if (!j->is_array())
    throw invalid_value(place, fmt::format("{} is {}; wanted a string or a list of parts", place,
                                           kind_of_json(*j)));
  std::string text;
  for (size_t i = 0; i < j->size(); ++i) {
    const std::string part = fmt::format("{}[{}]", place, i);
    if (!(*j)[i].is_object()) throw invalid_value(part, part + " is no object; wanted a part");
    const Fields p((*j)[i], part + ".");
    const std::string type = p.text("type").value_or("text");
    if (type != "text" && type != "refusal")
      throw unsupported(part,
                        fmt::format("{} is of type {}; these models read text alone", part, type));
    text += p.text(type).value_or("");
  }
  return text;
}

std::string call_of(const Fields& f) {
  const json& calls = *f.find("tool_calls");
  const std::string place = f.place("tool_calls");
  if (!calls.is_array() || calls.size() != 1 || !calls[0].is_object())
    throw invalid_value(place, place + ": wanted a list of one call, as this server makes them");
  const Fields call(calls[0], place + "[0].");
  const json* function = call.find("function");
  if (!function || !function->is_object())
    throw invalid_value(place, call.place("function") + " is absent; wanted an object");
  const std::string arguments =
      Fields(*function, call.place("function.")).text("arguments").value_or("");
  const json parsed = json::parse(arguments, nullptr, false);
  if (!parsed.is_object() || parsed.size() != 1 || !parsed.begin()->is_string())
    throw invalid_value(place, call.place("function.arguments") +
                                   ": wanted a JSON object of one string, as this server wrote it");
  return *parsed.begin();
}

// An object of an object; nothing where it is absent or of another kind.
std::optional<Fields> object_in(const Fields& f, const char* name) {
  const json* j = f.find(name);
  if (!j || !j->is_object()) return {};
  return Fields(*j, f.place(name) + ".");
}

// Whether a JSON schema lets a value be a string: {"type": "string"}, or a list of types.
bool takes_string(const std::optional<Fields>& schema) {
  const json* type = schema ? schema->find("type") : nullptr;
  if (!type) return false;
  return type->is_array() ? std::ranges::find(*type, json("string")) != type->end()
                          : *type == "string";
}

// A function with one parameter of type string.
std::optional<CalculatorTool> as_calculator(const json& tool, const std::string& place) {
  std::optional<Fields> function;
  if (tool.is_object()) function = object_in(Fields(tool, place + "."), "function");
  const auto name = function ? function->text("name") : std::nullopt;
  if (!name) throw invalid_value("tools", place + " has no function with a name; wanted one");
  const auto parameters = object_in(*function, "parameters");
  const auto properties = parameters ? object_in(*parameters, "properties") : std::nullopt;
  if (!properties || properties->value().size() != 1) return {};
  const std::string parameter = properties->value().begin().key();
  if (!takes_string(object_in(*properties, parameter.c_str()))) return {};
  return CalculatorTool{*name, parameter};
}

std::optional<CalculatorTool> calculator_among(const Fields& f) {
  f.refuse("functions", "is deprecated; use tools");
  f.refuse("function_call", "is deprecated; use tool_choice");
  const json* tools = f.find("tools");
  const json* choice = f.find("tool_choice");
  const bool none = choice && choice->is_string() && *choice == "none";
  if (choice && !none && !(choice->is_string() && *choice == "auto"))
    throw unsupported("tool_choice",
                      "tool_choice: only \"auto\" and \"none\" are done: a model "
                      "cannot be made to call a tool");
  if (!tools || (tools->is_array() && tools->empty())) return {};
  if (!tools->is_array()) throw invalid_value("tools", "tools is no list; wanted one");
  std::optional<CalculatorTool> found;
  for (size_t i = 0; i < tools->size() && !found; ++i)
    found = as_calculator((*tools)[i], fmt::format("tools[{}]", i));
  if (!found && !none)
    throw unsupported("tools",
                      "tools: these models call a calculator alone, a function with one "
                      "parameter of type string, such as {\"expression\": \"482 + 139\"}; "
                      "none of these is one");
  return none ? std::nullopt : found;
}

// {"tools": true, "documents": true or a number of lines}: what this server does beyond OpenAI's
// API.
void read_lineage(const Fields& f, ChatRequest& r) {
  const json* j = f.find("lineage");
  if (!j) return;
  const auto own = object_in(f, "lineage");
  if (!own) throw invalid_value("lineage", "lineage is " + kind_of_json(*j) + "; wanted an object");
  for (const auto& [key, value] : j->items())
    if (key != "tools" && key != "documents")
      throw unsupported(own->place(key), own->place(key) +
                                             " is no field; wanted tools or "
                                             "documents");
  r.run_calls = own->flag("tools").value_or(false);
  if (r.run_calls && r.tool)
    throw invalid_value("lineage.tools",
                        "lineage.tools and tools are both there: either the server runs the "
                        "calls, or the client does; wanted one of the two");
  const json* documents = own->find("documents");
  if (!documents) return;
  if (documents->is_boolean())
    r.documents = documents->get<bool>() ? kDefaultLines : 0;
  else
    r.documents = *own->integer("documents", between(0, kMostLines));
}

}  // namespace

GenerationRequest generation_request(const Fields& f) {
  GenerationRequest r;
  r.model = f.text("model").value_or("");
  Sampling& s = r.sampling;
  s.temperature = f.number("temperature", between(0, 2)).value_or(1);
  s.top_p = f.number("top_p", from_above_to(0, 1)).value_or(1);
  s.top_k = f.integer("top_k", between(-1, kMostTokens)).value_or(0);  // vLLM's, where -1 is all
  s.top_k = std::max<int64_t>(0, s.top_k);
  s.presence_penalty = f.number("presence_penalty", between(-2, 2)).value_or(0);
  s.frequency_penalty = f.number("frequency_penalty", between(-2, 2)).value_or(0);
  s.logit_bias = logit_bias(f);
  s.stop = stop_texts(f);
  s.log_probs_of = LogProbsOf::model;
  r.seed = f.integer("seed", kSeeds);
  r.n = f.integer("n", between(1, kMostChoices)).value_or(1);
  r.stream = f.flag("stream").value_or(false);
  if (const json* options = f.find("stream_options")) {
    if (!r.stream)
      throw invalid_value("stream_options", "stream_options without stream; wanted both");
    if (!options->is_object())
      throw invalid_value("stream_options",
                          "stream_options is " + kind_of_json(*options) + "; wanted an object");
    r.include_usage = Fields(*options, "stream_options.").flag("include_usage").value_or(false);
  }
  return r;
}

std::vector<PromptText> prompts_of(const Fields& f, std::string_view name) {
  const json* j = f.find(name);
  const std::string place = f.place(name);
  if (!j) return {std::string()};
  if (j->is_string()) return {j->get<std::string>()};
  if (!j->is_array())
    throw invalid_value(place, fmt::format("{} is {}; wanted a string, a list of strings, of token "
                                           "ids, or of lists of token ids",
                                           place, kind_of_json(*j)));
  if (j->empty()) throw invalid_value(place, place + " is an empty list; wanted a prompt");
  if (j->front().is_number()) return {ids_of(*j, place)};
  std::vector<PromptText> prompts;
  for (size_t i = 0; i < j->size(); ++i) {
    const json& p = (*j)[i];
    const std::string at = fmt::format("{}[{}]", place, i);
    if (p.is_string())
      prompts.emplace_back(p.get<std::string>());
    else if (p.is_array())
      prompts.emplace_back(ids_of(p, at));
    else
      throw invalid_value(place, fmt::format("{} is {}; wanted a string or a list of token ids", at,
                                             kind_of_json(p)));
  }
  return prompts;
}

CompletionRequest completion_request(const Fields& f) {
  CompletionRequest r;
  static_cast<GenerationRequest&>(r) = generation_request(f);
  f.refuse("lineage", "is of /v1/chat/completions");
  f.refuse("suffix", "text between a prompt and a suffix is not done: no model here learned it");
  r.prompts = prompts_of(f, "prompt");
  r.max_tokens = f.integer("max_tokens", between(0, kMostTokens)).value_or(16);
  const int64_t best_of = f.integer("best_of", between(0, 20)).value_or(0);
  if (best_of > 0 && best_of < r.n)
    throw invalid_value("best_of",
                        fmt::format("best_of is {}; wanted at least n, {}", best_of, r.n));
  r.best_of = best_of > 0 ? best_of : r.n;
  if (r.stream && r.best_of > r.n)
    throw invalid_value("best_of",
                        "best_of with stream: the best is known at the end; wanted one "
                        "of the two");
  r.echo = f.flag("echo").value_or(false);
  r.logprobs = f.integer("logprobs", between(0, kMostLogProbs));
  return r;
}

std::vector<ChatMessage> chat_messages(const Fields& f) {
  const json* list = f.find("messages");
  if (!list || !list->is_array() || list->empty())
    throw invalid_value("messages",
                        fmt::format("messages is {}; wanted a list of at least one message",
                                    !list              ? "absent"
                                    : list->is_array() ? "empty"
                                                       : kind_of_json(*list)));
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("messages[{}]", i);
    if (!(*list)[i].is_object())
      throw invalid_value(
          place, fmt::format("{} is {}; wanted an object", place, kind_of_json((*list)[i])));
    const Fields m((*list)[i], place + ".");
    const auto role = m.text("role");
    if (!role)
      throw invalid_value(m.place("role"), m.place("role") + " is absent; wanted a string");
    if (*role == "tool") {
      if (messages.empty() || messages.back().kind != ChatMessage::Kind::call)
        throw invalid_value(place, place + " is a tool's result without a call before it");
      messages.push_back({ChatMessage::Kind::result, Role::assistant, content_of(m, false)});
      continue;
    }
    const Role r = role_of(*role, m);
    m.refuse("function_call", "is deprecated; use tool_calls");
    if (r == Role::assistant && m.has("tool_calls")) {
      messages.push_back({ChatMessage::Kind::call, r, call_of(m)});
      continue;
    }
    if (!messages.empty() && messages.back().kind == ChatMessage::Kind::call)
      throw invalid_value(place, place + " follows a call; wanted the tool's result, of role tool");
    messages.push_back({ChatMessage::Kind::turn, r, content_of(m, r == Role::assistant)});
  }
  return messages;
}

ChatRequest chat_request(const Fields& f) {
  ChatRequest r;
  static_cast<GenerationRequest&>(r) = generation_request(f);
  r.messages = chat_messages(f);
  const auto most = f.integer("max_tokens", between(0, kMostTokens));
  r.max_tokens = f.integer("max_completion_tokens", between(0, kMostTokens));
  if (most) r.max_tokens = r.max_tokens ? std::min(*r.max_tokens, *most) : *most;
  r.logprobs = f.flag("logprobs").value_or(false);
  if (const auto top = f.integer("top_logprobs", between(0, kMostLogProbs))) {
    if (*top > 0 && !r.logprobs)
      throw invalid_value("top_logprobs", "top_logprobs without logprobs: true; wanted both");
    r.top_logprobs = *top;
  }
  r.continue_last = f.flag("continue_final_message").value_or(false);
  const bool ends_with_answer = r.messages.back().kind == ChatMessage::Kind::turn &&
                                r.messages.back().role == Role::assistant;
  if (ends_with_answer != r.continue_last)
    throw invalid_value("messages", ends_with_answer
                                        ? "messages ends with the assistant's; wanted the user's, "
                                          "or continue_final_message: true to go on with it"
                                        : "continue_final_message without a last message of the "
                                          "assistant; wanted one to go on with");
  if (r.messages.back().kind == ChatMessage::Kind::call)
    throw invalid_value("messages", "messages ends with a call; wanted the tool's result");
  r.tool = calculator_among(f);
  read_lineage(f, r);
  if (f.has("response_format")) {
    const auto format = object_in(f, "response_format");
    const json* type = format ? format->find("type") : nullptr;
    if (!type || *type != "text")
      throw unsupported("response_format", "response_format: only {\"type\": \"text\"} is done");
  }
  if (const json* modalities = f.find("modalities"))
    if (*modalities != json::array({"text"}))
      throw unsupported("modalities", "modalities: only [\"text\"] is done");
  f.refuse("audio", "these models write text alone");
  f.refuse("web_search_options", "these models search nothing");
  if (f.flag("store").value_or(false))
    throw unsupported("store", "store: nothing is stored here; wanted false or no such field");
  if (const json* m = f.find("moderation")) {
    if (!m->is_object())
      throw invalid_value("moderation", "moderation is " + kind_of_json(*m) + "; wanted an object");
    r.moderation = Fields(*m, "moderation.").text("model").value_or("");
  }
  return r;
}

CompareRequest compare_request(const Fields& f) {
  CompareRequest r;
  static_cast<GenerationRequest&>(r) = generation_request(f);
  f.refuse("stream", "a comparison comes whole");
  f.refuse("lineage", "is of /v1/chat/completions");
  const nlohmann::json* models = f.find("models");
  if (!models || !models->is_array() || models->empty() || std::ssize(*models) > kMostModels)
    throw invalid_value("models",
                        fmt::format("models: wanted a list of 1 to {} models' names", kMostModels));
  for (const auto& m : *models) {
    if (!m.is_string()) throw invalid_value("models", "models: an entry is no string");
    r.models.push_back(m);
  }
  r.prompt = f.text("prompt");
  if (f.has("messages")) r.messages = chat_messages(f);
  if (r.prompt.has_value() != r.messages.empty())
    throw invalid_value("prompt", r.prompt ? "prompt and messages are both there; wanted one"
                                           : "prompt and messages are both absent; wanted one");
  r.answer = f.text("answer");
  r.max_tokens = f.integer("max_tokens", between(1, 1 << 30));
  if (!r.max_tokens && r.messages.empty()) r.max_tokens = 16;
  return r;
}

}  // namespace lineage
