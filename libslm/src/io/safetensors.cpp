// SPDX-License-Identifier: Apache-2.0
#include "slm/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "io/path_exists.h"
#include "io/quote_text.h"
#include "io/tensor_sink.h"
#include "slm/core/check.h"
#include "slm/io/json.h"

namespace slm {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is read in place: little-endian machines only");

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  ///< the reference implementation's limit
constexpr const char* kMetadata = "__metadata__";
constexpr std::array kDtypes = {Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8, Dtype::I32};  // our names are its names

std::optional<Dtype> dtype_named(std::string_view text) {
  for (Dtype dtype : kDtypes) {
    if (name(dtype) == text) return dtype;
  }
  return {};
}

struct Entry {
  std::string name;
  Dtype dtype;
  Shape shape;
  uint64_t begin, end;  ///< from the start of the data
};

/// One entry of the header; `at` is the byte messages point to.
Entry parse_entry(const std::string& name, const Json& json, const std::string& path, uint64_t at) {
  const auto fail = [&](const std::string& message) {
    throw FormatError(path, at, fmt::format("[safetensors] tensor {} {}", quote_text(name), message));
  };
  if (!json.is_object()) fail("is no JSON object");
  const std::string type = json_require<std::string>(json, "dtype", path);
  const std::optional<Dtype> dtype = dtype_named(type);
  if (!dtype)
    fail(fmt::format("is of type {}, which is not supported; supported are F32 F16 BF16 I8 I32", quote_text(type)));
  const std::vector<uint64_t> dims = json_require<std::vector<uint64_t>>(json, "shape", path);
  if (dims.size() > 4) fail(fmt::format("has {} dimensions, at most 4", dims.size()));
  std::vector<int64_t> signed_dims;
  uint64_t elements = 1, bytes = 0;
  for (uint64_t dim : dims) {
    if (dim == 0) fail("has a dimension of 0");
    if (__builtin_mul_overflow(elements, dim, &elements) || !std::in_range<int64_t>(elements))
      fail("has more elements than 63 bits hold");
    signed_dims.push_back(static_cast<int64_t>(dim));
  }
  if (__builtin_mul_overflow(elements, uint64_t{info(*dtype).block_bytes}, &bytes)) fail("overflows 64 bits in bytes");
  const std::vector<uint64_t> offsets = json_require<std::vector<uint64_t>>(json, "data_offsets", path);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) fail("has data_offsets that are no [begin, end]");
  if (offsets[1] - offsets[0] != bytes)
    fail(fmt::format("has {} bytes of data, but {} {} takes {}", offsets[1] - offsets[0], type,
                     Shape(signed_dims).to_string(), bytes));
  return {name, *dtype, Shape(signed_dims), offsets[0], offsets[1]};
}

/// As the reference implementation: the tensors tile the data exactly, without overlap, hole or rest.
void check_tiling(const std::vector<Entry>& entries, const std::string& path, uint64_t data_begin,
                  uint64_t data_bytes) {
  uint64_t position = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != position)
      throw FormatError(
          path, data_begin + position,
          fmt::format("[safetensors] tensor {} begins at {} of the data, expected {}: {}", quote_text(entry.name),
                      entry.begin, position, entry.begin < position ? "tensors overlap" : "a hole"));
    if (entry.end > data_bytes)
      throw FormatError(path, data_begin + entry.begin,
                        fmt::format("[safetensors] tensor {} ends at {} of the data, which has {} bytes: truncated",
                                    quote_text(entry.name), entry.end, data_bytes));
    position = entry.end;
  }
  if (position != data_bytes)
    throw FormatError(path, data_begin + position,
                      fmt::format("[safetensors] {} bytes of data belong to no tensor", data_bytes - position));
}

std::vector<StoredTensor> read_shards(const std::filesystem::path& folder, const std::filesystem::path& index) {
  const std::string path = index.string();
  const Json json = parse_json_file(index, DuplicateKeys::Refuse);
  const Json weight_map = json_require<Json>(json, "weight_map", path);
  if (!weight_map.is_object()) throw FormatError(path, "[safetensors] \"weight_map\" is no JSON object");
  std::map<std::string, std::set<std::string>> shards;  // file → tensors listed for it
  for (const auto& [tensor, shard] : weight_map.items()) {
    const std::string file = detail::json_as<std::string>(shard, tensor.c_str(), path);
    if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos ||
        file.find('\0') != std::string::npos)
      throw FormatError(path, fmt::format("[safetensors] tensor {} is in {}, expected the name of a file in the folder",
                                          quote_text(tensor), quote_text(file)));
    shards[file].insert(tensor);
  }
  std::vector<StoredTensor> all;
  for (auto& [file, listed] : shards) {
    for (StoredTensor& tensor : read_safetensors(folder / file)) {
      if (listed.erase(tensor.name) == 0)
        throw FormatError(
            tensor.file->path(), tensor.file_offset(),
            fmt::format("[safetensors] tensor {} is not listed for this file in {}", quote_text(tensor.name), path));
      all.push_back(std::move(tensor));
    }
    if (!listed.empty())
      throw FormatError(path, fmt::format("[safetensors] tensor {} is not in {}", quote_text(*listed.begin()), file));
  }
  return all;
}

}  // namespace

std::vector<StoredTensor> read_safetensors(const std::filesystem::path& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  uint64_t header_bytes = 0;
  if (bytes.size() < sizeof header_bytes)
    throw FormatError(file->path(), 0, fmt::format("[safetensors] {} bytes, expected at least 8", bytes.size()));
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  if (header_bytes > bytes.size() - 8 || header_bytes > kMaxHeaderBytes)
    throw FormatError(
        file->path(), 0,
        fmt::format("[safetensors] a header of {} bytes, but the file has {} after the first 8 (and the limit is {})",
                    header_bytes, bytes.size() - 8, kMaxHeaderBytes));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
  const Json header = parse_json(text, file->path(), DuplicateKeys::Refuse, 8);
  if (!header.is_object()) throw FormatError(file->path(), 8, "[safetensors] the header is no JSON object");

  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name != kMetadata) {
      entries.push_back(parse_entry(name, json, file->path(), 8));
    } else if (!json.is_object()) {
      throw FormatError(file->path(), 8, "[safetensors] __metadata__ is no JSON object");
    }
  }
  std::ranges::sort(entries, {}, &Entry::begin);
  const uint64_t data_begin = 8 + header_bytes;
  check_tiling(entries, file->path(), data_begin, bytes.size() - data_begin);

  std::vector<StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries)
    tensors.push_back({.name = std::move(entry.name),
                       .tensor = Tensor::view(file, bytes.data() + data_begin + entry.begin, entry.dtype, entry.shape),
                       .file = file});
  return tensors;
}

std::vector<StoredTensor> read_safetensors_folder(const std::filesystem::path& folder) {
  const std::filesystem::path single = folder / "model.safetensors";
  const std::filesystem::path index = folder / "model.safetensors.index.json";
  if (path_exists(single)) return read_safetensors(single);
  if (path_exists(index)) return read_shards(folder, index);
  throw IoError(
      fmt::format("[safetensors] {}: no weights: looked for model.safetensors and model.safetensors.index.json{}",
                  folder.string(),
                  path_exists(folder / "pytorch_model.bin") ? " (pytorch_model.bin is not read: convert it)" : ""),
      ENOENT);
}

void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       std::span<const std::pair<std::string, std::string>> metadata,
                       const std::function<void(size_t, const ByteSink&)>& fill) {
  AtomicFile out(path);
  write_safetensors(out, entries, metadata, fill);
  out.commit();
}

void write_safetensors(AtomicFile& out, std::span<const SafetensorsEntry> entries,
                       std::span<const std::pair<std::string, std::string>> metadata,
                       const std::function<void(size_t, const ByteSink&)>& fill) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return info(entries[i].dtype).block_bytes; });

  std::string text = "{";
  const auto add = [&](const std::string& key, const nlohmann::ordered_json& value) {
    try {
      text += (text.size() > 1 ? "," : "") + Json(key).dump() + ":" + value.dump();
    } catch (const Json::exception&) {
      throw ArgumentError(fmt::format("[safetensors] {} is no UTF-8", quote_text(key)));
    }
  };
  if (!metadata.empty()) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (const auto& [key, value] : metadata) object[key] = value;
    add(kMetadata, object);
  }
  std::set<std::string_view> names = {kMetadata};
  uint64_t offset = 0;
  for (size_t i : order) {
    const SafetensorsEntry& entry = entries[i];
    SLM_CHECK(!is_block_type(entry.dtype), "[safetensors] tensor {} is {}, a block type: the format has none",
              quote_text(entry.name), name(entry.dtype));
    SLM_CHECK(names.insert(entry.name).second, "[safetensors] tensor {} is there twice, or reserved",
              quote_text(entry.name));
    SLM_CHECK(entry.shape.elements() > 0, "[safetensors] tensor {} {} has a dimension of 0", quote_text(entry.name),
              entry.shape.to_string());
    const uint64_t end = offset + byte_size(entry.dtype, static_cast<uint64_t>(entry.shape.elements()));
    nlohmann::ordered_json value;
    value["dtype"] = name(entry.dtype);
    value["shape"] = std::vector<int64_t>(entry.shape.dims().begin(), entry.shape.dims().end());
    value["data_offsets"] = {offset, end};
    add(entry.name, value);
    offset = end;
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data are aligned
  SLM_CHECK(text.size() <= kMaxHeaderBytes, "[safetensors] the header takes {} bytes, at most {}", text.size(),
            kMaxHeaderBytes);

  const uint64_t header_bytes = text.size();
  out.write(&header_bytes, sizeof header_bytes);
  out.write(text.data(), text.size());
  for (size_t i : order) {
    const SafetensorsEntry& entry = entries[i];
    const uint64_t size = byte_size(entry.dtype, static_cast<uint64_t>(entry.shape.elements()));
    write_tensor_data(out, "safetensors", entry.name, size, i, fill);
  }
}

}  // namespace slm
