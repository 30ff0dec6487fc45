#include "lineage/world/taxonomy.h"

#include <array>

#include "lineage/base/enum_index.h"

namespace lineage {
namespace {

constexpr std::array<std::string_view, kProperties> kPropertyNames = {
    "fly", "swim", "walk", "wings", "fins", "fur", "legs", "eggs"};

}  // namespace

std::string_view property_name(Property p) { return kPropertyNames[enum_index(p)]; }

void write_property(DocumentWriter& out, Token subject, Property p, bool has, TokenTag tag) {
  static const Vocabulary& v = Vocabulary::get();
  static const Token a = v.token("a"), can = v.token("can"), not_ = v.token("not"),
                     has_ = v.token("has"), no = v.token("no"), stop = v.token(".");
  out.token(a).token(subject);
  const bool skill = p <= Property::walk;
  out.token(skill ? can : has_);
  // "not" or the property itself is where the two sentences part.
  if (!has) out.token(skill ? not_ : no, tag);
  out.token(v.token(property_name(p)), has ? tag : TokenTag{}).token(stop);
}

void write_buoyancy(DocumentWriter& out, Phrase subject, bool floats, TokenTag tag) {
  static const Template form("{s} {v} .");
  static const Token up = Vocabulary::get().token("floats"),
                     down = Vocabulary::get().token("sinks");
  form.write(out, {{'s', subject}, {'v', floats ? up : down, tag}});
}

bool is_stated(const World& world, int object) {
  return world.key("buoyancy").bits(static_cast<uint64_t>(object)) % 2 == 0;
}

}  // namespace lineage
