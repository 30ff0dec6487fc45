#pragma once

#include <cstdint>

#include "lineage/kernels/kernels.h"

// Our single-precision matrix product, the engine under every kernel of this folder that multiplies
// matrices. The scheme is that of GotoBLAS and BLIS (Goto & van de Geijn 2008; Van Zee & van de
// Geijn 2015): a tile of sums in registers, B packed into panels of the tile's width that stay in
// L2, a sliver of A in L1. Three things are our own choice:
//  - Every element is summed over k in one order: fixed blocks of k, each one a chain of
//    multiply-adds. It never depends on the element's place, on the other rows, or on the threads.
//  - Rows of a row-major A are read in place; only a transposed A is packed.
//  - What follows the product (bias, residual, activation and its backward pass) is done on each
//    tile as it leaves the registers.
namespace lineage {

// Element (row, column) is data[row·stride + column], or data[column·stride + row] if transposed.
struct Operand {
  const float* data = nullptr;
  int64_t stride = 0;
  bool transposed = false;
};

// What becomes of an element once its sum over k is complete.
struct Epilogue {
  enum class Kind : uint8_t {
    plain,              // c = sum (+ bias) (+ residual)
    activate,           // pre = sum (+ bias);  c = act(pre)
    activate_backward,  // c = act(pre);  pre = sum·act'(pre)
  };
  Kind kind = Kind::plain;
  Activation activation = Activation::relu;  // not a gated one
  const float* bias = nullptr;               // (n)
  const float* residual = nullptr;           // (m,n)
  int64_t residual_stride = 0;
  float* pre = nullptr;  // (m,n)
  int64_t pre_stride = 0;
};

// c(m,n) = a(m,k) b(k,n), or that added to c, and then the epilogue.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  Operand a, b;
  const float* packed_b = nullptr;  // in place of b: from pack_panels()
  float* c = nullptr;
  int64_t c_stride = 0;
  bool accumulate = false;  // only with a plain epilogue
  bool lower_half = false;  // c is symmetric: what lies above its diagonal may be left unwritten
  Epilogue epilogue;
  // For a transposed `a`: its sums over k, (m), which cost almost nothing beside the packing.
  float* a_sums = nullptr;
  bool accumulate_sums = false;
};

// On all threads; on this one alone when called inside a parallel loop. k may be 0.
void multiply(const Product&);

// b(k,n) in panels of panel_width() columns, zeros beyond n: element (i, j) is
// packed[(j / width)·k·width + i·width + j % width].
int64_t panel_width();
void pack_panels(float* packed, const Operand& b, int64_t k, int64_t n);

}  // namespace lineage
