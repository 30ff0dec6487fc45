#pragma once

#include "lineage/kernels/cases.h"

namespace lineage::cases {

inline std::string name_of(const AttentionSpec& s) {
  return fmt::format("H{} K{} D{}{}{}", s.heads, s.kv_heads, s.head_width,
                     s.window ? fmt::format(" window {}", s.window) : "", s.alibi ? " alibi" : "");
}

struct EmbedCase {
  int64_t rows = 1, width = 1, vocabulary = 1, max_positions = 1;
  bool positions = false;

  struct Data {
    Tensor tokens, positions, token_table, position_table, dy;
  };
  std::string name() const {
    return fmt::format("embed {} rows [{}, {}]{}", rows, vocabulary, width,
                       positions ? " positions" : "");
  }
  Data data() const {
    Draw draw(name());
    return {draw.integers({rows}, 0, vocabulary),
            positions ? draw.integers({rows}, 0, max_positions) : Tensor(),
            draw.normal({vocabulary, width}),
            positions ? draw.normal({max_positions, width}) : Tensor(), draw.normal({rows, width})};
  }
  Call forward() const {
    Call call(name());
    call.does([d = data(), y = call.out("y", {rows, width})](const Kernels& on) mutable {
      on.embed(y, d.tokens, d.positions, d.token_table, d.position_table);
    });
    return call;
  }
  Call backward(const Sinks& sinks) const {
    Call call(name() + " backward");
    const GradSink dtokens = call.grad("dtoken_table", {vocabulary, width}, sinks[0]);
    const GradSink dpositions =
        positions ? call.grad("dposition_table", {max_positions, width}, sinks[1]) : GradSink();
    call.does([=, d = data()](const Kernels& on) {
      on.embed_backward(dtokens, dpositions, d.dy, d.tokens, d.positions);
    });
    return call;
  }
};

// rotary and head_norm: kernels on the heads of qkv, row by row.
struct HeadsCase {
  int64_t rows = 1;
  AttentionSpec spec;
  double theta = 10000;
  float eps = 1e-6f;
  int64_t rotated = 0;  // channels of a head that rotary turns; 0: all

  struct Data {
    Tensor qkv, positions, q_gain, k_gain, dy, rstd;
  };
  std::string name() const { return fmt::format("heads {} rows {}", rows, name_of(spec)); }
  Data data() const {
    Draw draw(name());
    const int64_t width = spec.head_width;
    Data d{draw.normal({rows, spec.qkv_width()}), draw.integers({rows}, 0, 300),
           draw.normal({width}, 0.5f, 1),         draw.normal({width}, 0.5f, 1),
           draw.normal({rows, spec.qkv_width()}), draw.normal({rows, spec.heads + spec.kv_heads})};
    Tensor y = Tensor::like(d.qkv);
    reference_kernels().head_norm(y, d.rstd, d.qkv, d.q_gain, d.k_gain, spec, eps);
    return d;
  }
  std::vector<double> frequencies() const {
    return rotary_frequencies(theta, rotated ? rotated : spec.head_width);
  }
  Call rotary(bool inverse, bool in_place) const {
    Call call(fmt::format("rotary {}{}{}{}", name(),
                          rotated ? fmt::format(" of {} channels", rotated) : "",
                          inverse ? " inverse" : "", in_place ? " in place" : ""));
    const Data d = data();
    Tensor y = in_place ? call.update("y", d.qkv) : call.out("y", d.qkv.shape());
    call.does([=, c = *this](const Kernels& on) mutable {
      on.rotary(y, in_place ? y : d.qkv, d.positions, c.spec, c.frequencies(), inverse);
    });
    return call;
  }
  Call norm() const {
    Call call("head_norm " + name());
    const Data d = data();
    Tensor y = call.out("y", d.qkv.shape()), rstd = call.out("rstd", d.rstd.shape());
    call.does([=, c = *this](const Kernels& on) mutable {
      on.head_norm(y, rstd, d.qkv, d.q_gain, d.k_gain, c.spec, c.eps);
    });
    return call;
  }
  Call norm_backward(const Sinks& sinks) const {
    Call call("head_norm_backward " + name());
    const Data d = data();
    const GradSink dqkv = call.grad("dqkv", d.qkv.shape(), sinks[0]);
    const GradSink dq_gain = call.grad("dq_gain", {spec.head_width}, sinks[1]);
    const GradSink dk_gain = call.grad("dk_gain", {spec.head_width}, sinks[2]);
    call.does([=, spec = spec](const Kernels& on) {
      on.head_norm_backward(dqkv, dq_gain, dk_gain, d.dy, d.qkv, d.q_gain, d.k_gain, d.rstd, spec);
    });
    return call;
  }
};

struct AttentionCase {
  int64_t batch = 1, steps = 1;
  AttentionSpec spec;
  int64_t mean_document = 0;  // 0: no starts, one document a row

  struct Data {
    Tensor qkv, starts, dy, y, lse;
  };
  std::string name() const {
    return fmt::format("attention B{} T{} {}{}", batch, steps, name_of(spec),
                       mean_document ? fmt::format(" documents of {}", mean_document) : "");
  }
  Data data() const {
    Draw draw(name());
    const int64_t rows = batch * steps, width = spec.heads * spec.head_width;
    Data d{draw.normal({batch, steps, spec.qkv_width()}),
           mean_document ? Guarded({rows}, DType::i32).tensor : Tensor(),
           draw.normal({rows, width}), draw.normal({rows, width}), draw.normal({rows, spec.heads})};
    for (int64_t n = 0, start = 0; mean_document && n < rows; ++n) {
      if (n % steps == 0)
        start = 0;
      else if (draw.chance(1 / static_cast<double>(mean_document)))
        start = n % steps;
      d.starts.data<int32_t>()[n] = static_cast<int32_t>(start);
    }
    reference_kernels().attention(d.y, d.lse, d.qkv, d.starts, spec);
    return d;
  }
  Call forward() const {
    Call call(name());
    const Data d = data();
    Tensor y = call.out("y", d.y.shape()), lse = call.out("lse", d.lse.shape());
    call.does([=, spec = spec](const Kernels& on) mutable {
      on.attention(y, lse, d.qkv, d.starts, spec);
    });
    return call;
  }
  Call backward(Sink sink) const {
    Call call(name() + " backward");
    const Data d = data();
    const GradSink dqkv = call.grad("dqkv", d.qkv.shape(), sink);
    call.does([=, spec = spec](const Kernels& on) {
      on.attention_backward(dqkv, d.dy, d.y, d.lse, d.qkv, d.starts, spec);
    });
    return call;
  }
};

// One decoding step of `rows` sequences at random positions of a cache already filled. With
// `prefill`, all rows are one sequence's consecutive positions.
struct DecodeCase {
  int64_t rows = 1, slots = 1, max_positions = 1;
  AttentionSpec spec;
  bool prefill = false;

  struct Data {
    Tensor qkv, slots, positions, key_cache, value_cache;
  };
  std::string name() const {
    return fmt::format("decode {} rows of [{}, {}] {}{}", rows, slots, max_positions, name_of(spec),
                       prefill ? " prefill" : "");
  }
  Data data() const {
    Draw draw(name());
    const Shape cache{slots, max_positions, spec.kv_heads * spec.head_width};
    Data d{draw.normal({rows, spec.qkv_width()}), draw.integers({rows}, slots - 1, slots),
           draw.integers({rows}, 0, max_positions), draw.normal(cache), draw.normal(cache)};
    for (int64_t r = 0; r < rows; ++r) {
      if (prefill)
        d.positions.data<int32_t>()[r] = static_cast<int32_t>(max_positions - rows + r);
      else
        d.slots.data<int32_t>()[r] = static_cast<int32_t>(slots - 1 - r);
    }
    return d;
  }
  Call call() const {
    Call call(name());
    const Data d = data();
    Tensor y = call.out("y", {rows, spec.heads * spec.head_width});
    Tensor keys = call.update("key_cache", d.key_cache);
    Tensor values = call.update("value_cache", d.value_cache);
    call.does([=, spec = spec](const Kernels& on) mutable {
      on.attention_decode(y, keys, values, d.qkv, d.slots, d.positions, spec);
    });
    return call;
  }
};

}  // namespace lineage::cases
