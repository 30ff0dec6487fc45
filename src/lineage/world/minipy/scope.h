#pragma once

#include <span>
#include <vector>

#include "lineage/world/minipy/ast.h"

namespace lineage::minipy {

// Resolves each name of a program while the parser reads it: a name assigned anywhere in a function
// is its local there, and the variable of a comprehension is visible inside it only. Functions are
// in the module or in a class body, classes in the module.
class Scopes {
 public:
  enum class Unit : uint8_t { module, function, class_body };

  Unit unit() const { return unit_; }
  void use(Expr* name) { uses_.push_back(name); }
  void assign(Symbol);  // in the current unit

  void open_function(std::span<const Symbol> parameters);
  // Resolves the names used in the body; returns its locals by slot, parameters first, and the
  // slots of its frame, which hold the variables of comprehensions behind the locals.
  std::vector<Symbol> close_function(int32_t& slots);
  void open_class();
  void close_class();
  int32_t close_module();  // returns the slots of the module's frame

  size_t mark() const { return uses_.size(); }
  // A new slot for the variable of a comprehension, which is registered as its user.
  int32_t open_comprehension(Expr* comprehension);
  // The names used since `from` and before `to` are inside that comprehension.
  void bind(size_t from, size_t to, Symbol variable, int32_t slot);

 private:
  Unit unit_ = Unit::module, outer_ = Unit::module;  // outer_: of the function being read
  std::vector<Expr*> uses_;                          // of all open units
  std::vector<Symbol> locals_;
  size_t function_uses_ = 0, class_uses_ = 0;  // where the uses of the open ones begin
  int32_t comprehensions_ = 0, module_comprehensions_ = 0;
};

}  // namespace lineage::minipy
