// SPDX-License-Identifier: Apache-2.0
#include "cli/ties.h"

#include <functional>

#include "cli/model_options.h"
#include "cli/terminal.h"
#include "slm/core/rng.h"
#include "slm/quant/ties.h"

namespace slm {
namespace {

void for_trained_matrices(const TrainableModel& model, const SchemePlan& plan,
                          const std::function<void(const Parameter&, WeightScheme)>& visit) {
  for (const Parameter& p : model.parameters())
    if (p.shape.rank() == 2 && !p.frozen()) visit(p, plan.scheme_of(p.name, Dtype::F32, model.config().tied_head));
}

}  // namespace

void spread_ties(TrainableModel& model, const SchemePlan& plan, uint64_t seed) {
  Rng rng(seed);
  for_trained_matrices(
      model, plan, [&](const Parameter& p, WeightScheme scheme) { dither_ties_(scheme, p.shape[1], p.value, rng); });
}

void warn_of_ties(const TrainableModel& model, const SchemePlan& plan) {
  constexpr double kMany = 0.05;
  double ties = 0.0, weights = 0.0;
  for_trained_matrices(model, plan, [&](const Parameter& p, WeightScheme scheme) {
    if (!info(scheme).grid) return;  // kept as it is
    ties += tie_share(scheme, p.shape[1], p.value) * static_cast<double>(p.value.size());
    weights += static_cast<double>(p.value.size());
  });
  if (weights > 0 && ties / weights > kMany)
    tell(
        "warning: {:.0f} % of the weights lie exactly halfway between two codes of {}, as after reading back another "
        "quantization; training with the quantizer in the loop diverges from there: --dither 1 spreads them\n",
        100 * ties / weights, weights_name(plan));
}

}  // namespace slm
