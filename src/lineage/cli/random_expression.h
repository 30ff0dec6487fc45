#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/enum_index.h"
#include "lineage/world/draw.h"

namespace lineage::minipy {

// The concatenated pieces. In braces, so that every compiler draws them from left to right, which
// `+` does not promise.
std::string cat(std::initializer_list<std::string_view> pieces);

// Random expressions of each type over the names defined so far, in Python source.
class RandomExpressions {
 protected:
  enum class Type : uint8_t { integer, text, integers, texts, dict, boolean };
  static constexpr size_t kTypes = 6;

  explicit RandomExpressions(Draw draw) : draw_(draw) {}

  // At most `depth` nested operations.
  std::string expression(Type, int depth);
  std::string text(int depth);
  std::string number(int low, int high) { return std::to_string(draw_.between(low, high)); }
  Type any_type() { return static_cast<Type>(draw_.below(kTypes)); }
  std::vector<std::string>& names(Type t) { return names_[enum_index(t)]; }

  Draw draw_;
  int indent_ = 0;
  bool has_function_ = false;  // f of two integers
  bool has_class_ = false;     // A and its instances p and q, used where nothing is indented
  std::array<std::vector<std::string>, kTypes> names_;

 private:
  std::string integer(int depth);
  std::string slice();
  std::string items(Type, int depth);
  std::string integers(int depth);
  std::string conditions(const std::string& v);
  std::string texts(int depth);
  std::string dict();
  std::string boolean(int depth);
  Type any_sequence();
  Type any_text_container();
};

}  // namespace lineage::minipy
