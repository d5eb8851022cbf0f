// SPDX-License-Identifier: Apache-2.0
#include "slm/export/gguf_model.h"

#include <algorithm>
#include <array>
#include <map>

#include "export/gguf_keys.h"
#include "export/stream_rows.h"
#include "slm/core/check.h"
#include "slm/io/atomic_file.h"
#include "slm/io/gguf.h"

namespace slm {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of ggml's block layouts, since 2023
constexpr uint32_t kAlignment = 32;

/// A tensor of the source and what becomes of it.
struct Planned {
  const ModelTensor* tensor;
  WeightScheme scheme;
  int64_t paired_head_dim;  ///< order of its rows in the new file
  bool matrix() const { return tensor->stored.tensor.shape().rank() == 2; }
};

std::vector<Planned> plan_tensors(const ModelFiles& model, const SchemePlan& plan) {
  const ModelConfig& config = model.config();
  plan.check_patterns(config);
  std::vector<Planned> planned;
  for (const ModelTensor& tensor : model.tensors()) {
    const Tensor& stored = tensor.stored.tensor;
    Planned p = {&tensor, WeightScheme::F32, gguf_paired_head_dim(config, tensor.name)};
    if (p.matrix()) {
      p.scheme = plan.scheme_of(tensor.name, stored.dtype(), config.tied_head);
      const int64_t k = stored.shape()[1];
      SLM_CHECK(k % info(p.scheme).group == 0,
                "[export] tensor {} has rows of {} values, {} needs a multiple of {}: "
                "keep it with a pattern, or choose another scheme",
                tensor.name, k, name(p.scheme), info(p.scheme).group);
      check_depth("export", p.scheme, k);
    }
    planned.push_back(p);
  }
  return planned;
}

/// The scheme most weights have, by number of values.
WeightScheme main_scheme(const std::vector<Planned>& planned) {
  std::map<WeightScheme, int64_t> values;
  for (const Planned& p : planned)
    if (p.matrix()) values[p.scheme] += p.tensor->stored.tensor.shape().elements();
  return std::max_element(values.begin(), values.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

/// What the codes are called: in a file copied as it is, as they were (I8 codes may be those of a narrower scheme).
std::string scheme_name(const ModelFiles& model, const SchemePlan& plan, WeightScheme scheme) {
  if (!plan.weights && model.gguf())
    if (const auto stored = model.gguf()->string_value("slm.scheme"))
      if (const auto known = find_weight_scheme(*stored); known && info(*known).storage == info(scheme).storage)
        return *stored;
  return std::string(name(scheme));
}

std::string model_name(const ModelFiles& model) {
  if (model.gguf())
    if (const auto stored = model.gguf()->string_value("general.name"); stored && !stored->empty()) return *stored;
  std::error_code error;  // a relative path stays as it is where the system cannot tell the folder we are in
  std::filesystem::path path = std::filesystem::absolute(model.path(), error).lexically_normal();
  if (error) path = std::filesystem::path(model.path()).lexically_normal();
  const std::filesystem::path last = path.has_filename() ? path.filename() : path.parent_path().filename();
  return model.gguf() ? last.stem().string() : last.string();
}

/// Who made the model and under which licence travels on from one GGUF file to the next.
void copy_general_keys(GgufWriter& writer, const GgufFile& source) {
  static constexpr std::array kOfTheFile = {"general.alignment", "general.file_type", "general.quantization_version"};
  for (const auto& [key, value] : source.metadata())
    if (key.starts_with("general.") && std::find(kOfTheFile.begin(), kOfTheFile.end(), key) == kOfTheFile.end())
      writer.set(key, value);
}

void set_general_keys(GgufWriter& writer, const ModelFiles& model, const std::string& name_wanted,
                      WeightScheme scheme) {
  writer.set_string("general.architecture", std::string(name(model.config().family)));
  writer.set_string("general.type", "model");
  if (model.gguf()) copy_general_keys(writer, *model.gguf());
  writer.set_string("general.name", name_wanted.empty() ? model_name(model) : name_wanted);
  writer.set_u32("general.file_type", gguf_file_type(scheme));
  writer.set_u32("general.quantization_version", kQuantizationVersion);
  writer.set_u32("general.alignment", kAlignment);
}

/// All that comes before the tensors, and what the writer's keys refer to.
struct Draft {
  /// Throws what can be known before a byte is written.
  Draft(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& out,
        const GgufExportOptions& options);

  std::vector<Planned> planned;
  const PaddedTokens tokens;
  const InputKeys inputs;
  GgufWriter writer;
};

Draft::Draft(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& out,
             const GgufExportOptions& options)
    : tokens(tokenizer, model.config().vocab), inputs(model.inputs()) {
  check_is_not_source(model, out);
  planned = plan_tensors(model, options.plan);
  const WeightScheme scheme = main_scheme(planned);
  set_general_keys(writer, model, options.name, scheme);
  set_model_keys(writer, model.config());
  set_tokenizer_keys(writer, tokenizer, tokens);
  const bool codes =
      std::any_of(planned.begin(), planned.end(), [](const Planned& p) { return has_row_scales(p.scheme); });
  if (codes) writer.set_u32(std::string(kSlmVersionKey), kSlmVersion);
  const std::string label = scheme_name(model, options.plan, scheme);
  if (codes || label != name(*native_scheme(*info(scheme).gguf_dtype)))  // else the type of the blocks tells
    writer.set_string("slm.scheme", label);

  inputs.set(writer);
}

}  // namespace

void check_gguf_export(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& out,
                       const GgufExportOptions& options) {
  const Draft checked(model, tokenizer, out, options);
  const AtomicFile trial(out);
}

ExportReport export_gguf(const ModelFiles& model, const TokenizerData& tokenizer, const std::filesystem::path& out,
                         const GgufExportOptions& options) {
  Draft draft(model, tokenizer, out, options);
  const std::vector<Planned>& planned = draft.planned;
  GgufWriter& writer = draft.writer;
  ExportReport report;
  report.kept_tied_head = options.plan.keeps_tied_head(model.config().tied_head);
  std::vector<size_t> of_declared;  // index into planned; codes and their row scales are two tensors
  for (size_t i = 0; i < planned.size(); ++i) {
    const Planned& p = planned[i];
    const Shape& shape = p.tensor->stored.tensor.shape();
    const Dtype dtype = info(p.scheme).gguf_dtype.value_or(Dtype::I8);
    const std::string gguf_name = gguf_tensor_name(p.tensor->name);
    const uint64_t elements = static_cast<uint64_t>(shape.elements());
    uint64_t bytes = byte_size(dtype, elements);
    writer.declare_tensor(gguf_name, dtype, shape);
    of_declared.push_back(i);
    if (has_row_scales(p.scheme)) {
      writer.declare_tensor(gguf_name + std::string(kRowScaleSuffix), Dtype::F32, {shape[0]});
      of_declared.push_back(i);
      bytes += byte_size(Dtype::F32, static_cast<uint64_t>(shape[0]));
    }
    report.tensors.push_back({p.tensor->name, shape, p.tensor->stored.tensor.dtype(), dtype, 0.0, bytes});
    report.parameters += elements;
    report.tensor_bytes += bytes;
    report.unused_bits += static_cast<double>(elements) * (info(p.scheme).bits - info(p.scheme).nominal_bits);
  }
  report.file_bytes = writer.file_bytes();

  std::vector<float> row_scales;  // of the I8 tensor just written
  uint64_t done = 0;
  const uint64_t total = model.stored_bytes();
  writer.write(out, [&](size_t declared, const GgufWriter::Sink& sink) {
    const size_t i = of_declared[declared];
    const Planned& p = planned[i];
    if (declared > 0 && of_declared[declared - 1] == i) return sink(std::as_bytes(std::span(row_scales)));
    slm::report(options.progress, {p.tensor->name, done, total});
    StreamedTensor streamed = p.matrix() ? stream_matrix(*p.tensor, p.scheme, p.paired_head_dim, sink)
                                         : stream_vector(model, *p.tensor, p.scheme, p.paired_head_dim, sink);
    row_scales = std::move(streamed.row_scales);
    report.tensors[i].sqnr_db = streamed.sqnr.db();
    done += p.tensor->stored.tensor.bytes();
  });
  slm::report(options.progress, {"done", total, total});
  return report;
}

}  // namespace slm
