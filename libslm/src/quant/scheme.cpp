// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/scheme.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "slm/core/check.h"

namespace slm {
namespace {

using kernels::GemmStorage;

constexpr size_t kUsual = 9;
constexpr std::array kUsualFamily = {"w8c", "w8g32", "w4g32", "w4g32a", "w3g32", "w2g32"};
constexpr std::string_view kPattern = "w{2…8}{t c g32 g64 g128}{z a}";

/// Where the values of a scheme lie.
struct Storage {
  GemmStorage kernel;
  std::optional<Dtype> dtype;
  double bits;
  const char* words;
};
constexpr Storage kCodes = {GemmStorage::Q8C, std::nullopt, 8.0, ""};
constexpr Storage kQ8_0 = {GemmStorage::Q8_0, Dtype::Q8_0, 8.5, "Q8_0"};
constexpr Storage kQ4_0 = {GemmStorage::Q4_0, Dtype::Q4_0, 4.5, "Q4_0"};
constexpr Storage kQ4_1 = {GemmStorage::Q4_1, Dtype::Q4_1, 5.0, "Q4_1"};

WeightSchemeInfo plain(WeightScheme scheme, const char* name, const char* meaning, GemmStorage storage, Dtype dtype,
                       double bits) {
  return {.scheme = scheme,
          .name = name,
          .meaning = meaning,
          .storage = storage,
          .activations = ActivationScheme::F32,
          .gguf_dtype = dtype,
          .granularity = Granularity::Group,
          .group = 1,
          .bits = bits,
          .nominal_bits = bits,
          .grid = {}};
}

/// Weights of one width that share scales in one way; nothing where no storage holds them.
struct Member {
  int bits;
  GridKind kind;
  Granularity granularity;
  int group;  ///< 1 without groups

  bool grouped() const { return granularity == Granularity::Group; }
  std::optional<Storage> storage() const {
    const bool narrow = bits <= 4;
    switch (kind) {
      case GridKind::Symmetric:
        return !grouped() ? kCodes : narrow ? kQ4_0 : kQ8_0;
      case GridKind::IntegerZero:
        if (bits > 7) return {};  // code − zero is no int8
        return grouped() ? kQ8_0 : kCodes;
      case GridKind::FloatMinimum:
        return grouped() && narrow ? std::optional(kQ4_1) : std::nullopt;
    }
    return {};
  }
  Grid grid() const {
    switch (kind) {
      case GridKind::Symmetric:
        return !grouped() ? symmetric_grid(bits) : with_bits(bits <= 4 ? kGridQ4_0 : kGridQ8_0, bits);
      case GridKind::IntegerZero:
        return integer_zero_grid(bits, grouped() ? ParamStorage::F16 : ParamStorage::F32);
      case GridKind::FloatMinimum:
        break;
    }
    return with_bits(kGridQ4_1, bits);
  }
  std::string name() const {
    return fmt::format("w{}{}{}", bits,
                       grouped()                             ? fmt::format("g{}", group)
                       : granularity == Granularity::Channel ? "c"
                                                             : "t",
                       kind == GridKind::Symmetric     ? ""
                       : kind == GridKind::IntegerZero ? "z"
                                                       : "a");
  }
  std::string meaning(const Storage& storage) const {
    const std::string with = kind == GridKind::Symmetric     ? ""
                             : kind == GridKind::IntegerZero ? " and zero point"
                                                             : " and minimum";
    if (!grouped())
      return fmt::format("int{}, one float32 scale{} per {}", bits, with,
                         granularity == Granularity::Channel ? "output channel" : "tensor");
    const bool own = nominal_bits() == storage.bits;
    return fmt::format("int{}, {} per {} ({}{})", bits,
                       kind == GridKind::FloatMinimum ? "half scale and minimum" : "one half scale" + with, group,
                       own ? "GGUF " : "in ", own ? storage.words : fmt::format("{} blocks", storage.words));
  }
  /// A half for each group's scale, another for its minimum, `bits` for its zero point.
  double nominal_bits() const {
    if (!grouped()) return bits;
    const double extra = kind == GridKind::Symmetric ? 0 : kind == GridKind::FloatMinimum ? 16 : bits;
    return bits + (16 + extra) / group;
  }
  std::optional<WeightSchemeInfo> row(size_t index) const {
    const std::optional<Storage> stored = storage();
    if (!stored) return {};
    return WeightSchemeInfo{.scheme = static_cast<WeightScheme>(index),
                            .name = name(),
                            .meaning = meaning(*stored),
                            .storage = stored->kernel,
                            .activations = grouped() ? ActivationScheme::A8G32 : ActivationScheme::A8T,
                            .gguf_dtype = stored->dtype,
                            .granularity = granularity,
                            .group = group,
                            .bits = stored->bits,
                            .nominal_bits = nominal_bits(),
                            .grid = grid()};
  }
};

std::vector<Member> family() {
  std::vector<Member> members;
  for (const auto& [granularity, group] : {std::pair(Granularity::Tensor, 1),
                                           {Granularity::Channel, 1},
                                           {Granularity::Group, 32},
                                           {Granularity::Group, 64},
                                           {Granularity::Group, 128}})
    for (const GridKind kind : {GridKind::Symmetric, GridKind::IntegerZero, GridKind::FloatMinimum})
      for (int bits = 8; bits >= 2; --bits)
        members.push_back({.bits = bits, .kind = kind, .granularity = granularity, .group = group});
  return members;
}

std::vector<WeightSchemeInfo> all() {
  std::vector<WeightSchemeInfo> rows = {
      plain(WeightScheme::F32, "f32", "float32", GemmStorage::F32, Dtype::F32, 32.0),
      plain(WeightScheme::BF16, "bf16", "bfloat16", GemmStorage::BF16, Dtype::BF16, 16.0),
      plain(WeightScheme::F16, "f16", "IEEE half", GemmStorage::F16, Dtype::F16, 16.0)};
  const std::vector<Member> members = family();
  const auto is_usual = [](const Member& m) {
    return std::find(kUsualFamily.begin(), kUsualFamily.end(), m.name()) != kUsualFamily.end();
  };
  for (const char* name : kUsualFamily)
    rows.push_back(*std::find_if(members.begin(), members.end(), [&](const Member& m) {
                      return m.name() == name;
                    })->row(rows.size()));
  for (const Member& member : members)
    if (!is_usual(member))
      if (auto row = member.row(rows.size())) rows.push_back(*std::move(row));
  return rows;
}

}  // namespace

std::span<const WeightSchemeInfo> all_weight_schemes() {
  static const std::vector<WeightSchemeInfo> rows = all();
  return rows;
}

std::span<const WeightSchemeInfo> weight_schemes() { return all_weight_schemes().first(kUsual); }

const WeightSchemeInfo& info(WeightScheme scheme) {
  const std::span<const WeightSchemeInfo> rows = all_weight_schemes();
  const size_t index = static_cast<size_t>(scheme);
  SLM_CHECK(index < rows.size(), "[scheme] no weight scheme {}", index);
  return rows[index];
}

std::string_view name(ActivationScheme scheme) {
  switch (scheme) {
    case ActivationScheme::F32:
      return "f32";
    case ActivationScheme::A8G32:
      return "a8g32";
    case ActivationScheme::A8T:
      return "a8t";
  }
  SLM_CHECK(false, "[scheme] no activation scheme {}", static_cast<int>(scheme));
}

std::string known_weight_schemes() {
  std::string known;
  for (const WeightSchemeInfo& row : weight_schemes()) known += row.name + " ";
  return known + std::string(kPattern);
}

void check_depth(std::string_view op, WeightScheme scheme, int64_t k) {
  const WeightSchemeInfo& s = info(scheme);
  SLM_CHECK(k % s.group == 0, "[{}] rows of {} values, {} needs a multiple of {}", op, k, s.name, s.group);
  SLM_CHECK(!has_row_scales(scheme) || k <= kernels::kMaxQ8cDepth,
            "[{}] rows of {} values, {} sums at most {} in int32", op, k, s.name, kernels::kMaxQ8cDepth);
}

std::optional<WeightScheme> find_weight_scheme(std::string_view text) {
  for (const WeightSchemeInfo& row : all_weight_schemes())
    if (row.name == text) return row.scheme;
  return std::nullopt;
}

WeightScheme parse_weight_scheme(std::string_view text) {
  const std::optional<WeightScheme> scheme = find_weight_scheme(text);
  SLM_CHECK(scheme, "[scheme] '{}' is no weight scheme, expected one of: {}", text, known_weight_schemes());
  return *scheme;
}

std::optional<WeightScheme> native_scheme(Dtype dtype) {
  for (const WeightSchemeInfo& row : weight_schemes())
    if (row.gguf_dtype == dtype) return row.scheme;
  return std::nullopt;
}

}  // namespace slm
