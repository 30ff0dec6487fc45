#pragma once

#include <cstdint>

// The gate of swiglu on rows pre(rows,2F) = [g | u] of an MLP's hidden layer.
namespace lineage {

// hidden(rows,F) = silu(g) u.
void gate_rows(float* hidden, const float* pre, int64_t rows, int64_t width);
// `hidden` holds its gradient and receives its value again; pre receives the gradients [dg | du].
void gate_rows_backward(float* hidden, float* pre, int64_t rows, int64_t width);

}  // namespace lineage
