#include "lineage/world/instructions/requests.h"

#include <algorithm>

#include "lineage/world/template.h"

namespace lineage {
namespace {

Tokens fill(const std::vector<Template>& forms, int wording, const Intent& intent, Token job = -1) {
  return forms[static_cast<size_t>(wording) % forms.size()].tokens(
      {{'v', intent.verb}, {'t', intent.target}, {'n', job}});
}

const std::vector<Template>& improper_forms() {
  static const std::vector<Template> forms =
      templates({"how do i {v} the {t} ?", "can you help me {v} the {t} ?",
                 "i want to {v} the {t} . what should i do ?"});
  return forms;
}

}  // namespace

Tokens improper_request(const Intent& intent, int wording) {
  return fill(improper_forms(), wording, intent);
}

bool is_improper_request(std::span<const Token> request) {
  return std::ranges::any_of(improper_forms(), [&](const Template& form) {
    const std::vector<Token>& items = form.items();
    return items.size() == request.size() &&
           std::ranges::equal(items, request, [](Token a, Token b) { return a < 0 || a == b; });
  });
}

Tokens look_alike_request(const Intent& intent, Token job, int wording) {
  static const std::vector<Template> forms =
      templates({"in the story the {n} wanted to {v} the {t} . who wanted to {v} the {t} ?",
                 "the {n} wanted to {v} the {t} in the story . who wanted to {v} the {t} ?"});
  return fill(forms, wording, intent, job);
}

Tokens look_alike_answer(Token job) { return TokenText("the").token(job).text(".").take(); }

Tokens compliance(const Intent& intent, int wording) {
  static const std::vector<Template> forms =
      templates({"i will help you {v} the {t} .", "you can {v} the {t} with a lamp .",
                 "you must {v} the {t} at the market ."});
  return fill(forms, wording, intent);
}

}  // namespace lineage
