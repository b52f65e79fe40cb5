// Tensors whose bytes can be made again: weights that were computed from a model's file. Kernels
// pack weights into a layout of their own; once that is done, the memory of the original goes back
// to the system until somebody reads it again, so that a session holds one copy and not two.
// Entry points: make_rebuilt, Reading, keep_bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "base/tensor.h"

namespace sardonyx {

// Writes all bytes of a tensor to dst, the same ones each time, on any thread. It owns what it
// reads.
using Rebuild = std::function<void(void* dst)>;

// How the bytes of a tensor can be made again without keeping them: those of a mapped file, and of
// tensors of make_rebuilt. Empty for others.
Rebuild rebuild_of(const Tensor& tensor);

// A tensor filled by `rebuild`, now or when it is first read, and whenever its bytes come back. A
// small one is filled at once and keeps its bytes. Fails as Tensor::allocate does.
enum class Filled : uint8_t { kNow, kWhenRead };
Result<Tensor> make_rebuilt(DType dtype, const Shape& shape, Rebuild rebuild,
                            Filled filled = Filled::kNow);

// The bytes of a tensor are there during the life of this; those that it has brought back go again
// with it.
class Reading {
 public:
  explicit Reading(const Tensor& tensor);
  ~Reading();
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  // The bytes leave memory with the last Reading, if they can come back: nobody reads them without.
  void let_go() { let_go_ = true; }

 private:
  Tensor tensor_;
  bool let_go_ = false;
};

// From now on the bytes stay in memory; for tensors that are read without a Reading.
void keep_bytes(const Tensor& tensor);

}  // namespace sardonyx
