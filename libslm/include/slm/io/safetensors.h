// SPDX-License-Identifier: Apache-2.0
// safetensors: one file, or a sharded folder (model.safetensors.index.json). Types F32 F16 BF16 I8 I32.
// Format: https://github.com/huggingface/safetensors. In: a path.  Out: StoredTensor views.  Next: model/load.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "slm/io/atomic_file.h"
#include "slm/io/tensor_file.h"

namespace slm {

/// All tensors of a .safetensors file, in offset order. Data need not be aligned: writers pad the header to 8 bytes,
/// but the format does not ask for it. Throws IoError, FormatError: truncated, overlapping, out of bounds, bytes that
/// belong to no tensor, duplicate, unknown dtype, a dimension of 0 (each named with tensor and byte offset).
std::vector<StoredTensor> read_safetensors(const std::filesystem::path& file);

/// All tensors of a Hugging Face folder: model.safetensors, or the shards of model.safetensors.index.json (each listed
/// tensor must be in its shard, each tensor of a shard must be listed). Shards in order of their names, tensors in
/// offset order. Throws IoError (no weights: names what was looked for), FormatError.
std::vector<StoredTensor> read_safetensors_folder(const std::filesystem::path& folder);

struct SafetensorsEntry {
  std::string name;
  Dtype dtype;
  Shape shape;
};

/// Writes a .safetensors file atomically; `fill(i, sink)` as in GgufWriter, i an index into `entries`. As the reference
/// does, wide types are laid out before narrow ones, so that each tensor is aligned: fill is called in that order
/// (within one width, in the order of `entries`). `metadata` becomes __metadata__ ({"format":"pt"} is what transformers
/// expects). Throws IoError, ArgumentError (block types, duplicate names, a dimension of 0, wrong number of bytes).
using ByteSink = std::function<void(std::span<const std::byte>)>;
void write_safetensors(const std::filesystem::path& file, std::span<const SafetensorsEntry> entries,
                       std::span<const std::pair<std::string, std::string>> metadata,
                       const std::function<void(size_t, const ByteSink&)>& fill);
/// The same into a file that the caller commits.
void write_safetensors(AtomicFile& file, std::span<const SafetensorsEntry> entries,
                       std::span<const std::pair<std::string, std::string>> metadata,
                       const std::function<void(size_t, const ByteSink&)>& fill);

}  // namespace slm
