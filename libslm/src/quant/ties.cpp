// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/ties.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

constexpr float kNear = 1.0f / 65536.0f;
constexpr int64_t kGrainValues = 1 << 14;

/// Values that share parameters.
size_t group_of(WeightScheme scheme, int64_t k, size_t values) {
  SLM_CHECK(k > 0 && values % static_cast<size_t>(k) == 0 && k % info(scheme).group == 0,
            "[ties] {} values in rows of {}, {} needs whole rows of a multiple of {}", values, k, name(scheme),
            info(scheme).group);
  switch (info(scheme).granularity) {
    case Granularity::Group:
      return static_cast<size_t>(info(scheme).group);
    case Granularity::Channel:
      return static_cast<size_t>(k);
    case Granularity::Tensor:
      break;
  }
  return std::max<size_t>(values, 1);
}

int64_t count_ties(const Grid& grid, const GridParams& params, std::span<const float> group) {
  const float from = grid.kind == GridKind::FloatMinimum ? params.encode_minimum : 0.0f;
  int64_t ties = 0;
  for (const float x : group) {
    const float t = std::fabs((x - from) * params.inverse);
    ties += std::fabs(t - std::floor(t) - 0.5f) <= kNear ? 1 : 0;
  }
  return ties;
}

}  // namespace

double tie_share(WeightScheme scheme, int64_t k, std::span<const float> values) {
  const std::optional<Grid>& grid = info(scheme).grid;
  const size_t group = group_of(scheme, k, values.size());
  if (!grid || values.empty()) return 0.0;
  std::optional<GridParams> of_all;  // one scale: any pieces will do
  if (info(scheme).granularity == Granularity::Tensor) of_all = find_params(*grid, values);
  const size_t piece = of_all ? static_cast<size_t>(kGrainValues) : group;
  std::vector<int64_t> of_thread(static_cast<size_t>(num_threads()));
  parallel_for(static_cast<int64_t>(ceil_div(values.size(), piece)),
               std::max<int64_t>(1, kGrainValues / static_cast<int64_t>(piece)),
               [&](int64_t begin, int64_t end, int thread) {
                 for (auto i = static_cast<size_t>(begin) * piece; i < static_cast<size_t>(end) * piece; i += piece) {
                   const std::span<const float> part = values.subspan(i, std::min(piece, values.size() - i));
                   of_thread[static_cast<size_t>(thread)] +=
                       count_ties(*grid, of_all ? *of_all : find_params(*grid, part), part);
                 }
               });
  int64_t ties = 0;
  for (const int64_t count : of_thread) ties += count;
  return static_cast<double>(ties) / static_cast<double>(values.size());
}

void dither_ties_(WeightScheme scheme, int64_t k, std::span<float> values, Rng& rng) {
  const std::optional<Grid>& grid = info(scheme).grid;
  const size_t group = group_of(scheme, k, values.size());
  if (!grid) return;
  for (size_t i = 0; i < values.size(); i += group) {
    const std::span<float> part = values.subspan(i, group);
    const GridParams params = find_params(*grid, part);
    if (20 * count_ties(*grid, params, part) <= static_cast<int64_t>(group)) continue;
    const float step = std::fabs(params.scale);
    for (float& x : part) x += 0.5f * step * (rng.uniform() - 0.5f);
  }
}

}  // namespace slm
