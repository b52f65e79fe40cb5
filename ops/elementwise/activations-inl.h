// Activations, one struct per operator; see ops/elementwise/tile-inl.h.

#if defined(SARDONYX_OPS_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_ACTIVATIONS_INL_H_
#undef SARDONYX_OPS_ACTIVATIONS_INL_H_
#else
#define SARDONYX_OPS_ACTIVATIONS_INL_H_
#endif

#include "ops/elementwise/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

struct Relu {
  static constexpr char name[] = "Relu";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return at_least(x, V(0.0));
  }
};
struct LeakyRelu {
  static constexpr char name[] = "LeakyRelu";
  static constexpr size_t kArity = 1;
  float alpha;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return select(x < V(0.0), x * V(alpha), x);
  }
};
struct PRelu {
  static constexpr char name[] = "PRelu";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V x, V slope) const {
    return select(x < V(0.0), x * slope, x);
  }
};
struct ThresholdedRelu {
  static constexpr char name[] = "ThresholdedRelu";
  static constexpr size_t kArity = 1;
  float alpha;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return select(V(alpha) < x, x, V(0.0));
  }
};
struct Elu {
  static constexpr char name[] = "Elu";
  static constexpr size_t kArity = 1;
  float alpha;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return select(x < V(0.0), V(alpha) * expm1(x), x);
  }
};
struct Selu {
  static constexpr char name[] = "Selu";
  static constexpr size_t kArity = 1;
  float alpha, gamma;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return V(gamma) * select(x > V(0.0), x, V(alpha) * expm1(x));
  }
};
// max(0, x) + min(0, alpha (e^(x / alpha) - 1))
struct Celu {
  static constexpr char name[] = "Celu";
  static constexpr size_t kArity = 1;
  float alpha;
  template <class V>
  HWY_INLINE V eval(V x) const {
    const V a(alpha);
    return max(V(0.0), x) + min(V(0.0), a * expm1(x / a));
  }
};
struct Sigmoid {
  static constexpr char name[] = "Sigmoid";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return sigmoid(x);
  }
};
struct HardSigmoid {
  static constexpr char name[] = "HardSigmoid";
  static constexpr size_t kArity = 1;
  float alpha, beta;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return at_most(at_least(mul_add(x, V(alpha), V(beta)), V(0.0)), V(1.0));
  }
};
// x min(max(x / 6 + 1/2, 0), 1)
struct HardSwish {
  static constexpr char name[] = "HardSwish";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return x * at_most(at_least(mul_add(x, V(1.0 / 6), V(0.5)), V(0.0)), V(1.0));
  }
};
struct Swish {
  static constexpr char name[] = "Swish";
  static constexpr size_t kArity = 1;
  float alpha;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return x * sigmoid(V(alpha) * x);
  }
};
struct Softplus {
  static constexpr char name[] = "Softplus";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return softplus(x);
  }
};
struct Softsign {
  static constexpr char name[] = "Softsign";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return x / (V(1.0) + abs(x));
  }
};
struct Mish {
  static constexpr char name[] = "Mish";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return x * tanh(softplus(x));
  }
};
struct Gelu {
  static constexpr char name[] = "Gelu";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return gelu(x);
  }
};
struct GeluTanh {
  static constexpr char name[] = "GeluTanh";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return gelu_tanh(x);
  }
};
struct Shrink {
  static constexpr char name[] = "Shrink";
  static constexpr size_t kArity = 1;
  float bias, lambd;
  template <class V>
  HWY_INLINE V eval(V x) const {
    const V outer = select(x > V(lambd), x - V(bias), V(0.0));
    return select(x < V(-double(lambd)), x + V(bias), outer);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
