// SPDX-License-Identifier: Apache-2.0
// Every dimension, size and offset of the table is hostile until proven otherwise: products are taken with overflow
// checks, and a range is compared with the data section before anyone reads from it.
#include "io/gguf_tensor_info.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "io/ggml_types.h"
#include "io/quote_text.h"

namespace slm {
namespace {

constexpr uint32_t kMaxRank = 4;  ///< GGML_MAX_DIMS, and Shape's

}  // namespace

GgufTensorInfo read_gguf_tensor_info(GgufCursor& in) {
  GgufTensorInfo info = {};
  info.position = in.position();
  info.name = in.name("a tensor's name");
  const auto fail = [&](const std::string& message) {
    in.fail_at(info.position, fmt::format("tensor {} {}", quote_text(info.name), message));
  };
  const uint32_t rank = in.read<uint32_t>("n_dims");
  if (rank > kMaxRank) fail(fmt::format("has {} dimensions, at most {}", rank, kMaxRank));
  std::array<int64_t, kMaxRank> dims = {};
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const uint64_t dim = in.read<uint64_t>("a dimension");
    if (dim == 0) fail(fmt::format("has a dimension {} of 0", i));
    if (!std::in_range<int64_t>(dim) || __builtin_mul_overflow(elements, dim, &elements) ||
        !std::in_range<int64_t>(elements))
      fail(fmt::format("has more elements than 63 bits hold: dimension {} is {}", i, dim));
    dims[rank - 1 - i] = static_cast<int64_t>(dim);  // GGUF names the contiguous dimension first
  }
  info.shape = Shape(std::span<const int64_t>(dims.data(), rank));
  const uint32_t type = in.read<uint32_t>("a tensor's type");
  const std::optional<Dtype> dtype = ggml_dtype(type);
  if (!dtype)
    fail(fmt::format("is of type {} (ggml type {}), which is not supported; supported are {}", ggml_type_name(type),
                     type, supported_ggml_types()));
  info.dtype = *dtype;
  const DtypeInfo& block = slm::info(info.dtype);
  if (info.shape.row_elements() % block.block_elements != 0)
    fail(fmt::format("has rows of {} elements, no whole number of {} blocks of {}", info.shape.row_elements(),
                     block.name, block.block_elements));
  if (__builtin_mul_overflow(elements / block.block_elements, uint64_t{block.block_bytes}, &info.bytes))
    fail(fmt::format("{} overflows 64 bits in bytes", info.shape.to_string()));
  info.offset = in.read<uint64_t>("a tensor's offset");
  return info;
}

void check_gguf_placement(const GgufCursor& in, const std::vector<GgufTensorInfo>& infos, uint64_t alignment,
                          uint64_t data_bytes) {
  for (const GgufTensorInfo& info : infos) {
    if (info.offset % alignment != 0)
      in.fail_at(info.position, fmt::format("tensor {} lies at offset {}, no multiple of the alignment {}",
                                            quote_text(info.name), info.offset, alignment));
    if (info.offset > data_bytes || info.bytes > data_bytes - info.offset)
      in.fail_at(info.position, fmt::format("tensor {} takes {} bytes at offset {}, but the data section has {}",
                                            quote_text(info.name), info.bytes, info.offset, data_bytes));
  }
  std::vector<size_t> order(infos.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return infos[i].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensorInfo& before = infos[order[i - 1]];
    const GgufTensorInfo& info = infos[order[i]];
    if (info.offset < before.offset + before.bytes)
      in.fail_at(info.position, fmt::format("tensors {} and {} overlap at offset {}", quote_text(before.name),
                                            quote_text(info.name), info.offset));
  }
}

}  // namespace slm
