#pragma once

#include <array>
#include <string>
#include <vector>

#include "lineage/base/enum_index.h"
#include "lineage/world/minipy/corpus/draft.h"

namespace lineage {

// Writes small programs with the features of the corpus, statement by statement: it knows the
// variables and their types, so that most programs run, and keeps the numbers small.
class Statements {
 public:
  enum class Type : uint8_t { integer, integers, word, words, dict, flag };
  static constexpr size_t kTypes = 6;

  Statements(Draw& draw, Draft& draft) : draw_(draw), draft_(draft) {}

  // A variable, a change of one, a loop or a condition; `prints` allows print(…) inside of blocks.
  void statement(bool prints);
  void define(Type);
  void print();            // some expression over the variables
  void print_variables();  // the last ones
  void function();         // to be called by later expressions
  std::string expression(Type);
  std::string observation();  // an expression worth printing
  std::vector<std::string>& taken() { return taken_; }

 private:
  std::vector<std::string>& names(Type t) { return names_[enum_index(t)]; }
  bool has(Type t) const { return !names_[enum_index(t)].empty(); }
  std::string name(Type t) { return draw_.pick(names(t)); }
  std::string number(int low, int high);
  std::string operand();  // an integer name or number
  std::string integer();
  std::string integers();
  std::string word();
  std::string words();
  std::string dict();
  std::string condition();

  void change();
  void change_list();
  void change_dict();
  void branch(bool prints);
  void loop(bool prints);
  void counted_while();
  void line(std::string text) { draft_.add(indent_, std::move(text)); }

  Draw& draw_;
  Draft& draft_;
  int indent_ = 0;
  std::array<std::vector<std::string>, kTypes> names_;
  std::vector<std::string> taken_;
  std::vector<std::string> functions_;  // of one integer
};

}  // namespace lineage
