// SPDX-License-Identifier: Apache-2.0
#include "slm/train/adamw.h"

#include <cmath>
#include <cstring>

#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/kernels/isa.h"
#include "slm/kernels/vec/variants.h"

namespace slm {

Adamw::Adamw(TrainableModel& model, const AdamwOptions& options)
    : model_(model), options_(options), first_(model.grads().size_bytes()), second_(model.grads().size_bytes()) {
  const AdamwOptions& o = options_;
  SLM_CHECK(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, "[adamw] betas {} and {}, expected 0 to 1",
            o.beta1, o.beta2);
  SLM_CHECK(o.eps > 0 && o.weight_decay >= 0 && std::isfinite(o.weight_decay),
            "[adamw] eps {}, weight decay {}, expected more than 0, and 0 or more", o.eps, o.weight_decay);
  std::memset(first_.data(), 0, first_.size());
  std::memset(second_.data(), 0, second_.size());
}

std::span<float> Adamw::of(const Parameter& p, AlignedBuffer& moments) const {
  return moments.span_of<float>().subspan(static_cast<size_t>(p.grad.data() - model_.grads().data()), p.grad.size());
}

void Adamw::step(double learning_rate) {
  SLM_CHECK(learning_rate >= 0 && std::isfinite(learning_rate), "[adamw] learning rate {}, expected 0 or more",
            learning_rate);
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());
  kernels::AdamwArgs all{};
  all.keep1 = static_cast<float>(1.0 - options_.beta1);
  all.keep2 = static_cast<float>(1.0 - options_.beta2);
  all.beta2 = static_cast<float>(options_.beta2);
  all.eps = static_cast<float>(options_.eps);
  all.rate = static_cast<float>(learning_rate / (1.0 - std::pow(options_.beta1, t)));
  all.root_correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.beta2, t)));
  for (const Parameter& p : model_.parameters()) {
    if (p.frozen()) continue;
    parallel_for(std::ssize(p.grad), 1 << 14, [&](int64_t begin, int64_t end, int) {
      kernels::AdamwArgs args = all;
      args.w = p.value.data() + begin;
      args.g = p.grad.data() + begin;
      args.m = first_moment(p).data() + begin;
      args.v = second_moment(p).data() + begin;
      args.n = end - begin;
      args.decay = p.shape.rank() > 1 ? static_cast<float>(learning_rate * options_.weight_decay) : 0.0f;
      vec.adamw_(args);
    });
  }
}

}  // namespace slm
