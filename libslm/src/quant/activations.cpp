// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/activations.h"

#include <numeric>

#include "slm/quant/grid.h"

namespace slm {
namespace {

const Grid& grid_of(ActivationScheme scheme) { return scheme == ActivationScheme::A8T ? kGridA8T : kGridA8G32; }

size_t group_of(ActivationScheme scheme, int64_t k) {
  SLM_CHECK(scheme != ActivationScheme::F32, "[activations] f32 has no codes, expected a8g32 or a8t");
  SLM_CHECK(k > 0 && (scheme == ActivationScheme::A8T || k % 32 == 0), "[activations] k is {}, {} needs {}", k,
            name(scheme), scheme == ActivationScheme::A8T ? "at least 1" : "a multiple of 32");
  return scheme == ActivationScheme::A8T ? static_cast<size_t>(k) : 32;
}

}  // namespace

int64_t activation_groups(ActivationScheme scheme, int64_t k, int64_t values) {
  const int64_t group = static_cast<int64_t>(group_of(scheme, k));
  SLM_CHECK(values >= 0 && values % k == 0, "[activations] {} values are no rows of {}", values, k);
  return values / group;
}

void encode_activations(ActivationScheme scheme, int64_t k, std::span<const float> x, std::span<int8_t> codes,
                        std::span<float> scales, std::span<int32_t> sums) {
  const size_t group = group_of(scheme, k);
  const size_t groups = static_cast<size_t>(activation_groups(scheme, k, static_cast<int64_t>(x.size())));
  SLM_CHECK(codes.size() == x.size() && scales.size() == groups && sums.size() == groups,
            "[encode_activations] {} codes, {} scales, {} sums, expected {}, {}, {}", codes.size(), scales.size(),
            sums.size(), x.size(), groups, groups);
  const Grid& grid = grid_of(scheme);
  for (size_t g = 0; g < groups; ++g) {
    const std::span<int8_t> group_codes = codes.subspan(g * group, group);
    const GridParams params = find_params(grid, x.subspan(g * group, group));
    encode(grid, params, x.subspan(g * group, group), group_codes);
    scales[g] = params.scale;
    sums[g] = std::accumulate(group_codes.begin(), group_codes.end(), int32_t{0});
  }
}

void decode_activations(ActivationScheme scheme, int64_t k, std::span<const int8_t> codes,
                        std::span<const float> scales, std::span<float> x) {
  const size_t group = group_of(scheme, k);
  const size_t groups = static_cast<size_t>(activation_groups(scheme, k, static_cast<int64_t>(x.size())));
  SLM_CHECK(codes.size() == x.size() && scales.size() == groups,
            "[decode_activations] {} codes, {} scales, expected {}, {}", codes.size(), scales.size(), x.size(), groups);
  for (size_t g = 0; g < groups; ++g)
    decode(grid_of(scheme), {.scale = scales[g]}, codes.subspan(g * group, group), x.subspan(g * group, group));
}

}  // namespace slm
