// PoolKernel: channels-last pooling by boxes, as far as a convolution before it may be joined with
// it (cpu/pooled_conv.h).
#pragma once

#include "cpu/pool.h"
#include "ops/kernel.h"

namespace sardonyx {

class PoolKernel : public Kernel {
 public:
  PoolKernel(Tier tier, DType dtype, const PoolArgs& pool)
      : tier_(tier), dtype_(dtype), pool_(pool) {}

  bool takes_stride(size_t, int64_t row) const override { return row == pool_.shape.in_channels; }
  bool gives_stride(size_t, int64_t row) const override { return row == pool_.shape.in_channels; }
  void set_input_stride(size_t, int64_t stride) override { pool_.shape.src_ld = stride; }
  void set_output_stride(size_t, int64_t stride) override { pool_.shape.dst_ld = stride; }

  DType dtype() const { return dtype_; }
  const PoolArgs& pool() const { return pool_; }

 protected:
  Tier tier_;

 private:
  DType dtype_;
  PoolArgs pool_;
};

}  // namespace sardonyx
