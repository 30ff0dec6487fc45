#pragma once

#include <vector>

#include "lineage/world/draw.h"
#include "lineage/world/template.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

// Things in containers, moved by persons (A14; docs/abilities.md, section 3.3). The words are the
// first halves of the blocks "objects" and "containers"; the code corpus uses the other halves, so
// no transfer between the two is lexical.
inline constexpr int kBoxObjects = 16, kBoxContainers = 8;
Token box_object(int index);     // 0..15
Token box_container(int index);  // 0..7

enum class BoxOperation : uint8_t { put, move, swap };

struct BoxStep {
  BoxOperation operation;
  Token person;
  int object;      // indices into the scene
  int container;   // put, move: where it goes
  int other = -1;  // swap: the other object
};

// A scene: its objects' first places and the moves that follow.
struct BoxScene {
  std::vector<int> objects, containers;  // indices for box_object() and box_container()
  std::vector<int> start;                // for each object an index into `containers`
  std::vector<BoxStep> steps;

  // Where each object is after `count` steps, and how often it changed its container.
  std::vector<int> places(size_t count) const;
  std::vector<int> changes() const;
};

BoxScene random_scene(Draw&, int objects, int containers, int steps);

void write_start(DocumentWriter&, const BoxScene&, size_t object);
void write_step(DocumentWriter&, const BoxScene&, const BoxStep&);
// The sentences that these write, for a reader: {w} a first name, {o} an object, {c} a container.
std::vector<Template> box_sentences();
// "the lamp is now in the", whose next token is the container.
void write_place(DocumentWriter&, const BoxScene&, size_t object);

}  // namespace lineage
