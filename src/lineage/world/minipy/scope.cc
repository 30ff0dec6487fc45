#include "lineage/world/minipy/scope.h"

#include <algorithm>

namespace lineage::minipy {

void Scopes::assign(Symbol s) {
  if (unit_ == Unit::function && std::find(locals_.begin(), locals_.end(), s) == locals_.end())
    locals_.push_back(s);
}

void Scopes::open_function(std::span<const Symbol> parameters) {
  outer_ = unit_;
  unit_ = Unit::function;
  function_uses_ = uses_.size();
  locals_.assign(parameters.begin(), parameters.end());
  if (outer_ == Unit::module) module_comprehensions_ = comprehensions_;
  comprehensions_ = 0;
}

std::vector<Symbol> Scopes::close_function(int32_t& slots) {
  const auto locals = static_cast<int32_t>(locals_.size());
  for (size_t i = function_uses_; i < uses_.size(); ++i) {
    Expr& e = *uses_[i];
    if (e.scope == Scope::comprehension) {
      e.slot += locals;
      continue;
    }
    const auto found = std::find(locals_.begin(), locals_.end(), e.symbol);
    if (found == locals_.end()) {
      e.scope = Scope::global;
    } else {
      if (e.scope != Scope::free) e.scope = Scope::local;
      e.slot = static_cast<int32_t>(found - locals_.begin());
    }
  }
  uses_.resize(function_uses_);
  slots = locals + comprehensions_;
  unit_ = outer_;
  comprehensions_ = module_comprehensions_;
  return std::move(locals_);
}

void Scopes::open_class() {
  unit_ = Unit::class_body;
  class_uses_ = uses_.size();
  module_comprehensions_ = comprehensions_;
}

void Scopes::close_class() {
  for (size_t i = class_uses_; i < uses_.size(); ++i) uses_[i]->scope = Scope::class_body;
  uses_.resize(class_uses_);
  unit_ = Unit::module;
}

int32_t Scopes::close_module() {
  for (Expr* e : uses_)
    if (e->scope == Scope::free) e->scope = Scope::global;
  return comprehensions_;
}

int32_t Scopes::open_comprehension(Expr* comprehension) {
  comprehension->scope = Scope::comprehension;
  comprehension->slot = comprehensions_;
  uses_.push_back(comprehension);
  return comprehensions_++;
}

void Scopes::bind(size_t from, size_t to, Symbol variable, int32_t slot) {
  for (size_t i = from; i < to; ++i) {
    Expr& e = *uses_[i];
    if (e.scope == Scope::comprehension) continue;
    if (e.symbol == variable) {
      e.scope = Scope::comprehension;
      e.slot = slot;
    } else {
      e.scope = Scope::free;
    }
  }
}

}  // namespace lineage::minipy
