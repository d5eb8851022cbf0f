// SPDX-License-Identifier: Apache-2.0
// GGUF v2/v3 (little endian): metadata and tensors of a model file, and the writer of v3.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Block bytes are handed on raw; quant/gguf_blocks
// codes them. In: a path.  Out: metadata, StoredTensor views.  Next: model/load, text/tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "slm/io/tensor_file.h"

namespace slm {

/// Value types of GGUF, with the numbers the file uses.
enum class GgufType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };
std::string_view name(GgufType type);

/// An array of scalars or strings. Scalars keep their type and widen on reading: signed integers to int64_t, unsigned
/// ones and Bool to uint64_t, F32 to double. Strings are views into bytes that somebody else owns: the mapped file
/// (keep the GgufFile, or its file(), alive), or the caller of the writer.
struct GgufArray {
  GgufType type = GgufType::U8;  ///< of the elements; arrays of arrays are refused by the reader
  std::variant<std::vector<int64_t>, std::vector<uint64_t>, std::vector<double>, std::vector<std::string_view>> values;
  size_t size() const;
};

/// One value; `type` says which number a scalar is in the file, and the variant widens as in GgufArray.
struct GgufValue {
  GgufType type = GgufType::U8;
  std::variant<int64_t, uint64_t, double, bool, std::string, GgufArray> value;
};

class GgufFile {
 public:
  /// Reads and checks the header, all metadata and all tensor infos. Every size is checked before it is used.
  /// Throws IoError, FormatError (path and byte offset; an unsupported tensor type is named).
  static GgufFile open(const std::filesystem::path& path);

  const std::string& path() const { return file_->path(); }
  const std::shared_ptr<const MappedFile>& file() const { return file_; }
  uint32_t version() const { return version_; }
  /// Where the tensors begin. file()->release(bytes.data(), data_offset()) gives back the pages of the metadata.
  uint64_t data_offset() const { return data_offset_; }
  /// In file order.
  const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }

  const GgufValue* find(std::string_view key) const;  ///< nullptr if absent
  const StoredTensor* find_tensor(std::string_view name) const;

  // Typed access. An unsigned value may be stored as any integer that is not negative, a float as F32 or F64.
  // The `get_` forms throw FormatError naming key, expected and found; the optional forms throw on a wrong type only.
  std::optional<uint64_t> uint_value(std::string_view key) const;
  std::optional<double> float_value(std::string_view key) const;
  std::optional<bool> bool_value(std::string_view key) const;
  std::optional<std::string> string_value(std::string_view key) const;
  uint64_t get_uint(std::string_view key) const;
  double get_float(std::string_view key) const;
  std::string get_string(std::string_view key) const;
  const GgufArray* array_value(std::string_view key, GgufType element) const;  ///< nullptr if absent

 private:
  std::shared_ptr<const MappedFile> file_;
  uint32_t version_ = 0;
  uint64_t data_offset_ = 0;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, size_t, std::less<>> key_index_, tensor_index_;
};

/// Writes a GGUF v3 file atomically: declare metadata and tensors, then give each tensor's bytes in the declared order.
/// The layout is that of the `gguf` Python package, byte for byte: no key is added, tensors lie in order, each padded
/// to general.alignment (32 where that key is not set; a U32 power of two where it is).
class GgufWriter {
 public:
  /// A key set twice keeps its place and takes the new value. Throws ArgumentError: an empty key, a value whose type
  /// and contents disagree or do not fit, an alignment that is no power of two.
  void set(std::string key, GgufValue value);
  void set_u32(std::string key, uint32_t value);
  void set_f32(std::string key, float value);
  void set_bool(std::string key, bool value);
  void set_string(std::string key, std::string value);
  void set_strings(std::string key, std::vector<std::string_view> values);  ///< the views must outlive write()
  void set_i32s(std::string key, std::vector<int32_t> values);
  void set_f32s(std::string key, std::vector<float> values);
  /// Shape as in Tensor (row-major); GGUF stores it reversed. Throws ArgumentError: a name that is empty, used before,
  /// or longer than the 63 bytes llama.cpp reads; rank 0; a dimension of 0; rows that are no whole number of blocks.
  void declare_tensor(std::string name, Dtype dtype, Shape shape);

  /// For tensor i in declared order, `fill(i, sink)` calls sink(bytes) until the declared size is reached.
  /// Throws IoError, ArgumentError (wrong number of bytes), what `fill` throws; nothing is left behind then.
  using Sink = std::function<void(std::span<const std::byte>)>;
  void write(const std::filesystem::path& path, const std::function<void(size_t, const Sink&)>& fill) const;
  uint64_t file_bytes() const;  ///< size the file will have

 private:
  struct Declared {
    std::string name;
    Dtype dtype;
    Shape shape;
  };
  void write_header(const Sink& sink) const;
  uint64_t alignment() const;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::map<std::string, size_t, std::less<>> key_index_;
  std::vector<Declared> tensors_;
};

}  // namespace slm
