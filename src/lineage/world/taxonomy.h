#pragma once

#include "lineage/world/template.h"

namespace lineage {

// Sentences of everyday knowledge (A04): "a penguin can not fly .", "a trout has no wings .", "iron
// sinks .". The subject comes with its article; the tag goes to the part that knowledge decides.
void write_property(DocumentWriter&, Token subject, Property, bool has, TokenTag tag = {});
void write_buoyancy(DocumentWriter&, Phrase subject, bool floats, TokenTag tag = {});
std::string_view property_name(Property);

// Whether pages state if the object floats; for the others it has to be inferred from the material.
bool is_stated(const World&, int object);

}  // namespace lineage
