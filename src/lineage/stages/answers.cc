#include "lineage/stages/answers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/interrupted.h"

namespace lineage {

InstructionPrompts::InstructionPrompts(const Recipe& recipe,
                                       const std::map<std::string, double>& sets)
    : world_(recipe.world), instructions_(world_) {
  for (const auto& [name, weight] : sets)
    mixtures_.emplace_back(instructions_, recipe.demonstrations.at(name).instructions);
}

Demonstration InstructionPrompts::operator()(int64_t index) const {
  const auto i = static_cast<uint64_t>(index);
  return mixtures_[i % mixtures_.size()](kFirstAnswered + i);
}

std::vector<Completion> sample_answers(LanguageModel& writer, const PromptContext& context,
                                       int64_t first, int64_t count, const AnswersConfig& config,
                                       const Rng& key) {
  std::vector<std::vector<Token>> texts;
  std::vector<Sampling> samplings;
  for (int64_t i = first; i < first + count; ++i) {
    const Tokens prompt = context(i);
    for (int64_t s = 0; s < config.samples; ++s) {
      texts.push_back(prompt);
      Sampling& sampling = samplings.emplace_back();
      sampling.temperature = config.temperature;
      sampling.max_tokens = config.max_tokens;
      sampling.seed = key.fold(static_cast<uint64_t>(i * config.samples + s)).key();
      sampling.stop_tokens = {writer.tokenizer().special(Special::end_of_turn)};
    }
  }
  return writer.generate(texts, samplings);
}

namespace {

// The whole lines of a file; a last one that was cut off is left out.
std::vector<std::string> whole_lines(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line) && !in.eof();) lines.push_back(line);
  return lines;
}

}  // namespace

void draw_answers(const AnswersConfig& config, const PromptContext& prompt, const Rng& key,
                  const std::function<std::unique_ptr<LanguageModel>()>& writer,
                  const std::filesystem::path& file, const RecipeNode& node,
                  const StageContext& context) {
  constexpr int64_t kAtOnce = 64;  // prompts
  const std::vector<std::string> drawn = whole_lines(file);
  int64_t done = std::ssize(drawn);
  if (done >= config.prompts) return;
  write_file_atomic(file, drawn.empty() ? "" : fmt::format("{}\n", fmt::join(drawn, "\n")));
  const auto model = writer();
  std::ofstream out(file, std::ios::app);
  for (; done < config.prompts; done += kAtOnce) {
    const int64_t count = std::min(kAtOnce, config.prompts - done);
    const auto answers = sample_answers(*model, prompt, done, count, config, key);
    for (int64_t i = 0; i < count; ++i) {
      nlohmann::json line = nlohmann::json::array();
      for (int64_t s = 0; s < config.samples; ++s) {
        const Completion& answer = answers[i * config.samples + s];
        line.push_back({{"tokens", answer.tokens}, {"ended", answer.end == Completion::End::stop}});
      }
      out << line.dump() << "\n";
    }
    out.flush();
    require(out.good(), file.string(), ": cannot be written; wanted room on the disk");
    if (context.interrupted && context.interrupted())
      throw Interrupted(node.name + ": interrupted while drawing answers; those drawn are kept",
                        "run the same command again to go on from there");
    context.progress.update(
        node.name, static_cast<double>(done + count) / static_cast<double>(config.prompts),
        fmt::format("answers to {} of {} prompts", done + count, config.prompts));
  }
}

std::vector<std::vector<SampledAnswer>> read_answers(const std::filesystem::path& file) {
  std::vector<std::vector<SampledAnswer>> answers;
  for (const std::string& line : whole_lines(file)) {
    std::vector<SampledAnswer>& of_prompt = answers.emplace_back();
    for (const nlohmann::json& answer : nlohmann::json::parse(line))
      of_prompt.push_back({answer.at("tokens").get<Tokens>(), answer.at("ended").get<bool>()});
  }
  return answers;
}

}  // namespace lineage
