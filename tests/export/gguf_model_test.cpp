// SPDX-License-Identifier: Apache-2.0
// Which tensors export writes in which type, its report and progress, and that the number of threads changes nothing.
#include "slm/export/gguf_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "slm/io/gguf.h"
#include "tests/export/tiny_models.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

TEST(GgufModel, KeepsMatricesThatMatchAPatternInBf16) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_untied"));
  const ExportReport report = export_gguf(
      source, Tokenizer::load(tiny_model("qwen2_untied")).data(), folder.path() / "o.gguf",
      {.plan = {.weights = WeightScheme::W4G32, .keep_fp = {"lm_head.weight", "*.0.self_attn.?_proj.weight"}}});
  EXPECT_FALSE(report.kept_tied_head);
  const ModelFiles out = ModelFiles::open(folder.path() / "o.gguf");
  for (const ExportedTensor& row : report.tensors) {
    if (row.shape.rank() != 2) continue;
    const bool kept = row.name == "lm_head.weight" || row.name.find("layers.0.self_attn") != std::string::npos;
    const WeightScheme scheme = kept ? WeightScheme::BF16 : WeightScheme::W4G32;
    EXPECT_EQ(row.written, *info(scheme).gguf_dtype) << row.name;
    expect_equal_bits(values_of(out, row.name), expected_values(source, row.name, scheme), row.name);
  }
}

TEST(GgufModel, KeepingATiedHeadKeepsTheEmbeddingAndSaysSo) {
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_tied"));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model("qwen2_tied")).data();
  for (const char* pattern : {"lm_head.weight", "model.embed_tokens.weight"}) {
    const TemporaryFolder folder;
    const ExportReport report = export_gguf(source, tokenizer, folder.path() / "o.gguf",
                                            {.plan = {.weights = WeightScheme::W4G32, .keep_fp = {pattern}}});
    EXPECT_TRUE(report.kept_tied_head) << pattern;
    EXPECT_EQ(report.tensors[0].written, Dtype::BF16) << pattern;
    EXPECT_EQ(report.tensors[2].written, Dtype::Q4_0) << pattern;
  }
}

TEST(GgufModel, AsStoredKeepsNativeTypesAndTurnsOthersIntoQ80) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("gguf/qwen2_mixed.gguf"));
  const ExportReport report =
      export_gguf(source, Tokenizer::load(tiny_model("gguf/qwen2_mixed.gguf")).data(), folder.path() / "o.gguf");
  std::set<Dtype> kept, turned;
  for (const ExportedTensor& row : report.tensors) {
    if (row.written == row.stored) {
      kept.insert(row.stored);
      EXPECT_TRUE(std::isinf(row.sqnr_db)) << row.name;
    } else {
      EXPECT_EQ(row.written, Dtype::Q8_0) << row.name;
      turned.insert(row.stored);
    }
  }
  EXPECT_EQ(kept, (std::set{Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::Q4_0, Dtype::Q4_1, Dtype::Q8_0}));
  EXPECT_EQ(turned,
            (std::set{Dtype::Q5_0, Dtype::Q5_1, Dtype::Q2_K, Dtype::Q3_K, Dtype::Q4_K, Dtype::Q5_K, Dtype::Q6_K}));
}

TEST(GgufModel, SameBytesAndSameReportForEveryNumberOfThreads) {
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path() / "m", 512, 5000);  // 10 MB: more than one step, several threads
  const ModelFiles source = ModelFiles::open(folder.path() / "m");
  std::vector<std::string> files;
  std::vector<double> sqnr;
  for (const int threads : {1, 3}) {
    const test::ScopedThreads scope(threads);
    const ExportReport report = export_gguf(source, plain_tokenizer(), folder.path() / "o.gguf",
                                            {.plan = {.weights = WeightScheme::W8C, .keep_fp = {}}});
    files.push_back(content_of(folder.path() / "o.gguf"));
    sqnr.push_back(report.tensors[0].sqnr_db);
  }
  EXPECT_TRUE(files[0] == files[1]);
  EXPECT_EQ(sqnr[0], sqnr[1]);
  const ModelFiles out = ModelFiles::open(folder.path() / "o.gguf");
  for (const char* name : {"model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight"})
    expect_equal_bits(values_of(out, name), expected_values(source, name, WeightScheme::W8C), name);
}

/// A copy of a GGUF file with other metadata.
void copy_with(const std::filesystem::path& from, const std::filesystem::path& to,
               const std::function<void(GgufWriter&)>& change) {
  const GgufFile source = GgufFile::open(from);
  GgufWriter writer;
  for (const auto& [key, value] : source.metadata()) writer.set(key, value);
  change(writer);
  for (const StoredTensor& tensor : source.tensors())
    writer.declare_tensor(tensor.name, tensor.tensor.dtype(), tensor.tensor.shape());
  writer.write(to, [&](size_t i, const GgufWriter::Sink& sink) {
    const Tensor& tensor = source.tensors()[i].tensor;
    sink({tensor.data(), tensor.bytes()});
  });
}

TEST(GgufModel, StaticInputsTravelWithTheWeights) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("llama_tied"));
  const TokenizerData tokenizer = Tokenizer::load(tiny_model("llama_tied")).data();
  const std::string name = "model.layers.1.mlp.down_proj.weight", other = "model.layers.0.self_attn.q_proj.weight";
  std::map<std::string, std::vector<float>> values;
  for (const ModelTensor& tensor : source.tensors()) values[tensor.name] = values_of(source, tensor.name);
  const auto with = [&](const StaticInputs& inputs) {
    return source.with_values([&](const std::string& n) { return std::span<const float>(values.at(n)); }, inputs);
  };
  const StaticInputs inputs = {{name, given_params(kGridA8S, 0.37f, 0.0f, -12)},
                               {other, given_params(kGridA8S, 1e-30f, 0.0f, 127)}};
  EXPECT_THROW(with({{"model.norm.weight", given_params(kGridA8S, 1.0f)}}), ArgumentError);

  const std::filesystem::path once = folder.path() / "once.gguf", twice = folder.path() / "twice.gguf";
  const GgufExportOptions options = {.plan = {.weights = WeightScheme::W8C, .keep_fp = {}}};
  export_gguf(with(inputs), tokenizer, once, options);
  export_gguf(ModelFiles::open(once), tokenizer, twice, options);
  for (const auto& path : {once, twice}) {
    const ModelFiles read = ModelFiles::open(path);
    ASSERT_EQ(read.inputs().size(), 2u);
    for (const auto& [key, params] : inputs) {
      ASSERT_NE(read.input(key), nullptr);
      EXPECT_EQ(read.input(key)->scale, params.scale);
      EXPECT_EQ(read.input(key)->zero, params.zero);
      EXPECT_EQ(read.input(key)->inverse, params.inverse);
    }
    EXPECT_EQ(read.input("model.layers.0.mlp.down_proj.weight"), nullptr);
  }

  const std::filesystem::path bad = folder.path() / "bad.gguf";
  const auto refused = [&](const std::string& part, const std::function<void(GgufWriter&)>& change) {
    copy_with(once, bad, change);
    expect_error<FormatError>([&] { ModelFiles::open(bad); }, {part});
  };
  refused("2 tensors, 1 scales, 2 zero points", [](GgufWriter& w) { w.set_f32s("slm.a8s.scales", {1.0f}); });
  refused("scale nan", [](GgufWriter& w) { w.set_f32s("slm.a8s.scales", {NAN, 1.0f}); });
  refused("scale inf", [](GgufWriter& w) { w.set_f32s("slm.a8s.scales", {INFINITY, 1.0f}); });
  refused("zero point -128", [](GgufWriter& w) { w.set_i32s("slm.a8s.zeros", {-128, 0}); });
  refused("scale -1", [](GgufWriter& w) { w.set_f32s("slm.a8s.scales", {1.0f, -1.0f}); });
  refused("zero point 128", [](GgufWriter& w) { w.set_i32s("slm.a8s.zeros", {0, 128}); });
  refused("there twice", [](GgufWriter& w) {
    w.set_strings("slm.a8s.tensors", {"blk.0.attn_q.weight", "blk.0.attn_q.weight"});
  });
}

TEST(GgufModel, StaticInputsBelongToLinearsOfBlocks) {
  const TemporaryFolder folder;
  const std::filesystem::path plain = folder.path() / "plain.gguf", other = folder.path() / "other.gguf";
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_untied"));
  export_gguf(source, Tokenizer::load(tiny_model("qwen2_untied")).data(), plain,
              {.plan = {.weights = WeightScheme::W8C, .keep_fp = {}}});
  const auto open_with = [&](std::string_view tensor) {
    copy_with(plain, other, [&](GgufWriter& w) {
      w.set_strings("slm.a8s.tensors", {tensor});
      w.set_f32s("slm.a8s.scales", {0.5f});
      w.set_i32s("slm.a8s.zeros", {3});
    });
    return ModelFiles::open(other);
  };
  EXPECT_EQ(open_with("blk.0.attn_q.weight").inputs().size(), 1u);
  for (const std::string_view tensor :
       {"token_embd.weight", "output.weight", "output_norm.weight", "blk.0.attn_q.bias"})
    expect_error<FormatError>([&] { open_with(tensor); }, {"other.gguf", tensor, "no linear of a block"});
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"})
    expect_error<ArgumentError>(
        [&] {
          source.with_values({}, {{name, given_params(kGridA8S, 1.0f)}});
        },
        {name, "no linear of a block"});
}

TEST(GgufModel, RefusesAnotherVersionOfItsOwnKeys) {
  const TemporaryFolder folder;
  const std::filesystem::path ours = folder.path() / "ours.gguf", other = folder.path() / "other.gguf";
  export_gguf(ModelFiles::open(tiny_model("qwen2_tied")), Tokenizer::load(tiny_model("qwen2_tied")).data(), ours,
              {.plan = {.weights = WeightScheme::W8C, .keep_fp = {}}});
  EXPECT_EQ(GgufFile::open(ours).get_uint("slm.version"), kSlmVersion);
  for (const uint32_t version : {0u, kSlmVersion + 1}) {
    copy_with(ours, other, [&](GgufWriter& w) { w.set_u32("slm.version", version); });
    expect_error<FormatError>(
        [&] { ModelFiles::open(other); },
        {"other.gguf", fmt::format("[model] slm.version is {}, expected {}", version, kSlmVersion)});
  }
}

TEST(GgufModel, ReportsProgressInBytesOfTheSource) {
  const TemporaryFolder folder;
  const ModelFiles source = ModelFiles::open(tiny_model("qwen2_tied"));
  std::vector<uint64_t> done;
  std::set<std::string> names;
  export_gguf(source, Tokenizer::load(tiny_model("qwen2_tied")).data(), folder.path() / "o.gguf",
              {.plan = {}, .name = "", .progress = [&](const ProgressEvent& event) {
                 EXPECT_EQ(event.total, source.stored_bytes());
                 done.push_back(event.done);
                 names.emplace(event.what);
               }});
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.front(), 0u);
  EXPECT_EQ(done.back(), source.stored_bytes());
  EXPECT_TRUE(names.contains("model.layers.2.mlp.up_proj.weight"));
}

}  // namespace
}  // namespace slm
