// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/fake_quant.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "quant/group_kernel.h"
#include "slm/core/parallel.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr int64_t kGrain = 1 << 14;  // values worth a thread

void check_sizes(int64_t unit, const char* unit_name, std::span<const float> values, std::span<float> out,
                 std::span<uint8_t> clip_mask) {
  SLM_CHECK(unit > 0 && values.size() % static_cast<size_t>(unit) == 0,
            "[fake_quant] {} values are no multiple of {} {}", values.size(), unit_name, unit);
  SLM_CHECK(out.size() == values.size(), "[fake_quant] out has {} values, expected {}", out.size(), values.size());
  SLM_CHECK(clip_mask.empty() || clip_mask.size() == values.size(),
            "[fake_quant] mask has {} values, expected {} or none", clip_mask.size(), values.size());
}

struct Piece {
  std::span<const float> values;
  std::span<float> out;
  std::span<uint8_t> mask;  ///< empty, or as many

  Piece at(size_t offset, size_t count) const {
    return {values.subspan(offset, count), out.subspan(offset, count),
            mask.empty() ? mask : mask.subspan(offset, count)};
  }
};

void apply(const Grid& grid, const GridParams& params, const Piece& piece) {
  const float* x = piece.values.data();
  float* y = piece.out.data();
  const size_t n = piece.values.size();
  if (piece.mask.empty()) {
    for (size_t i = 0; i < n; ++i) y[i] = decode(grid, params, encode(grid, params, x[i]));
    return;
  }
  uint8_t* mask = piece.mask.data();
  for (size_t i = 0; i < n; ++i) {
    const int32_t code = unclamped_code(grid, params, x[i]);
    mask[i] = in_range(grid, code) ? 1 : 0;
    y[i] = decode(grid, params, clamp_code(grid, code));
  }
}

void apply_groups(const Grid& grid, size_t group, const Piece& all) {
  for (size_t i = 0; i < all.values.size(); i += group) {
    const Piece piece = all.at(i, group);
    apply(grid, find_params(grid, piece.values), piece);
  }
}

/// Rows of k with one scale each.
void rows_by(const kernels::FakeQuantVariant& kernels, const Grid& grid, size_t k, const Piece& all) {
  if (!all.mask.empty() || grid.kind != GridKind::Symmetric) return apply_groups(grid, k, all);
  for (size_t i = 0; i < all.values.size(); i += k) {
    const Piece row = all.at(i, k);
    const GridParams params = find_params(grid, row.values);
    kernels.symmetric(row.values.data(), std::ssize(row.values), params.inverse, params.scale, row.out.data());
  }
}

/// The plain types: through their bytes, a stretch at a time.
void plain(WeightScheme scheme, const Piece& all) {
  constexpr size_t kStretch = 1024;
  std::array<std::byte, kStretch * sizeof(float)> bytes;
  for (size_t i = 0; i < all.values.size(); i += kStretch) {
    const Piece piece = all.at(i, std::min(kStretch, all.values.size() - i));
    const std::span<std::byte> row(bytes.data(), row_bytes(scheme, static_cast<int64_t>(piece.values.size())));
    encode_row(scheme, piece.values, row, nullptr);
    decode_row(scheme, row, 0.0f, piece.out);
  }
  std::fill(all.mask.begin(), all.mask.end(), uint8_t{1});
}

/// f on ranges of whole units, in parallel.
template <class F>
void for_units(int64_t unit, const Piece& all, F f) {
  const int64_t units = static_cast<int64_t>(all.values.size()) / unit;
  parallel_for(units, std::max<int64_t>(1, kGrain / unit), [&](int64_t begin, int64_t end, int) {
    f(all.at(static_cast<size_t>(begin * unit), static_cast<size_t>((end - begin) * unit)));
  });
}

}  // namespace

void fake_quant(WeightScheme scheme, int64_t k, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask) {
  check_sizes(k, "k =", values, out, clip_mask);
  row_bytes(scheme, k);  // throws where k does not fit the scheme
  const Piece all = {values, out, clip_mask};
  const kernels::FakeQuantVariant& kernel = kernels::select(kernels::fake_quant_variants());
  const WeightSchemeInfo& s = info(scheme);
  std::optional<GridParams> of_tensor;
  if (s.granularity == Granularity::Tensor && !values.empty()) of_tensor = find_params(*s.grid, values);
  for_units(k, all, [&](const Piece& rows) {
    if (!s.grid) return plain(scheme, rows);
    switch (s.granularity) {
      case Granularity::Tensor:
        return apply(*s.grid, *of_tensor, rows);
      case Granularity::Channel:
        return rows_by(kernel, *s.grid, static_cast<size_t>(k), rows);
      case Granularity::Group:
        if (rows.mask.empty() && groups_by_kernel(kernel, s, rows.values, rows.out)) return;
        return apply_groups(*s.grid, static_cast<size_t>(s.group), rows);  // what a kernel refuses, the grid names
    }
  });
}

void fake_quant(ActivationScheme scheme, int64_t k, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask) {
  check_sizes(k, "k =", values, out, clip_mask);
  SLM_CHECK(scheme != ActivationScheme::A8G32 || k % 32 == 0, "[fake_quant] k is {}, a8g32 needs a multiple of 32", k);
  const Piece all = {values, out, clip_mask};
  const kernels::FakeQuantVariant& kernel = kernels::select(kernels::fake_quant_variants());
  for_units(k, all, [&](const Piece& rows) {
    switch (scheme) {
      case ActivationScheme::F32:
        return plain(WeightScheme::F32, rows);
      case ActivationScheme::A8G32:
        if (rows.mask.empty() && kernel.a8g32(rows.values.data(), std::ssize(rows.values), rows.out.data())) return;
        return apply_groups(kGridA8G32, 32, rows);
      case ActivationScheme::A8T:
        return rows_by(kernel, kGridA8T, static_cast<size_t>(k), rows);
    }
  });
}

void fake_quant(const Grid& grid, int64_t group, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask) {
  check_sizes(group, "group =", values, out, clip_mask);
  const Piece all = {values, out, clip_mask};
  for_units(group, all, [&](const Piece& groups) { apply_groups(grid, static_cast<size_t>(group), groups); });
}

void fake_quant(const Grid& grid, const GridParams& params, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask) {
  check_sizes(1, "1 =", values, out, clip_mask);
  apply(grid, params, {values, out, clip_mask});
}

}  // namespace slm
