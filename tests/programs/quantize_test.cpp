// SPDX-License-Identifier: Apache-2.0
// quantize as a user meets it: what it writes, what it refuses, and that an end from outside leaves no half file.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "slm/export/gguf_model.h"
#include "tests/export/tiny_models.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

Words words(const std::string& model, const std::string& scheme, const std::string& out, const Words& rest = {}) {
  Words all = {"--model", model, "--scheme", scheme, "--out", out};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

/// A model's folder, complete with a tokenizer.
void make_whole_folder(const fs::path& folder, int width, int vocab) {
  make_qwen2_folder(folder, width, vocab);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy(tiny_models() / "qwen2_tied" / file, folder);
}

TEST(Quantize, WritesAFileThatRunsAndSaysWhatItCost) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "o.gguf").string();
  const Ran ran = run("quantize", words(tiny("qwen2_tied"), "w4g32", out, {"--json"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json().at("file_bytes"), fs::file_size(out));
  EXPECT_EQ(ran.json().at("scheme"), "w4g32");
  answer("infer", out, {"--prompt", "the river", "-n", "2"});
  const std::string to_folder = (folder.path() / "f/").string();
  const Ran table = run("quantize", words(tiny("qwen2_tied"), "bf16", to_folder, {"--verbose"}));
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("| model.norm.weight "), std::string::npos);
  answer("infer", (folder.path() / "f").string(), {"--prompt", "the river", "-n", "2"});
}

std::vector<std::string> cells(const std::string& out, const std::string& first) {
  const size_t begin = out.find("| " + first + " ");
  std::vector<std::string> found;
  if (begin == std::string::npos) return found;
  std::istringstream row(out.substr(begin + 1, out.find('\n', begin) - begin - 1));
  for (std::string cell; std::getline(row, cell, '|');) {
    cell.erase(0, cell.find_first_not_of(' '));
    found.push_back(cell.substr(0, cell.find_last_not_of(' ') + 1));
  }
  return found;
}

TEST(Quantize, SumsUpByKindOfTensor) {
  const TemporaryFolder folder;
  const auto out = [&](const std::string& name) { return (folder.path() / name).string(); };
  const Words keep = {"--keep-fp", "model.layers.0.mlp.*"};
  const Ran ran = run("quantize", words(tiny("qwen2_untied"), "w4g32", out("a.gguf"), keep));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  Words with_json = keep;
  with_json.push_back("--json");
  const nlohmann::json tensors =
      run("quantize", words(tiny("qwen2_untied"), "w4g32", out("b.gguf"), with_json)).json().at("tensors");
  double least = 1e9, sum = 0;
  int count = 0;
  int64_t bytes = 0, all_bytes = 0;
  for (const nlohmann::json& tensor : tensors) {
    all_bytes += tensor.at("bytes").get<int64_t>();
    if (!tensor.at("name").get<std::string>().ends_with(".q_proj.weight")) continue;
    least = std::min(least, tensor.at("sqnr_db").get<double>());
    sum += tensor.at("sqnr_db").get<double>();
    bytes += tensor.at("bytes").get<int64_t>();
    ++count;
  }
  ASSERT_GT(count, 1);
  EXPECT_EQ(cells(ran.out, "q_proj"), (Words{"q_proj", "Q4_0", std::to_string(count), fmt::format("{:.2f}", least),
                                             fmt::format("{:.2f}", sum / count), std::to_string(bytes)}));
  const Words total = cells(ran.out, "all");
  ASSERT_EQ(total.size(), 6u);
  EXPECT_EQ(total[2], std::to_string(tensors.size()));
  EXPECT_EQ(total[5], std::to_string(all_bytes));
  EXPECT_EQ(cells(ran.out, "norms").at(3), "exact");
  EXPECT_EQ(cells(ran.out, "biases").at(1), "F32");
  EXPECT_NE(ran.out.find("| up_proj      |    BF16 |       1 |"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("| up_proj      |    Q4_0 |       1 |"), std::string::npos) << "types apart: " << ran.out;
  EXPECT_EQ(ran.out.find("model.layers"), std::string::npos) << "all tensors only with --verbose";
}

TEST(Quantize, SaysThatAQuantizedSourceLosesTwice) {
  const TemporaryFolder folder;
  const std::string source = tiny("gguf/qwen2_untied_q4_0.gguf"), out = (folder.path() / "o.gguf").string();
  EXPECT_NE(run("quantize", words(source, "w4g32a", out)).err.find("note: the source is quantized already ("),
            std::string::npos);
  EXPECT_EQ(run("quantize", words(source, "as-is", out)).err.find("quantized already"), std::string::npos)
      << "copied, nothing is lost";
  EXPECT_EQ(run("quantize", words(tiny("qwen2_tied"), "w4g32", out)).err.find("quantized already"), std::string::npos);
}

/// A w8c file with static grids for the inputs of two linears.
void write_with_static_inputs(const std::string& out) {
  const ModelFiles source = ModelFiles::open(tiny("qwen2_tied"));
  std::map<std::string, std::vector<float>> values;
  for (const ModelTensor& tensor : source.tensors()) values[tensor.name] = values_of(source, tensor.name);
  const GridParams grid = given_params(kGridA8S, 0.05f, 0.0f, -12);
  const StaticInputs inputs = {{"model.layers.0.mlp.down_proj.weight", grid},
                               {"model.layers.2.self_attn.q_proj.weight", grid}};
  const ModelFiles model =
      source.with_values([&](const std::string& name) { return std::span<const float>(values.at(name)); }, inputs);
  export_gguf(model, Tokenizer::load(tiny("qwen2_tied")).data(), out,
              {.plan = {.weights = WeightScheme::W8C, .keep_fp = {}}});
}

TEST(Quantize, KeepsTheNameOfAWidthInAFileCopiedAsItIs) {
  const TemporaryFolder folder;
  for (const char* scheme : {"w4c", "w3g32"}) {
    const std::string once = (folder.path() / "once.gguf").string(), again = (folder.path() / "again.gguf").string();
    ASSERT_EQ(run("quantize", {"--model", tiny("qwen2_tied"), "--scheme", scheme, "--out", once}).exit_code, 0);
    ASSERT_EQ(run("quantize", {"--model", once, "--scheme", "as-is", "--out", again}).exit_code, 0);
    EXPECT_EQ(ModelFiles::open(again).gguf()->string_value("slm.scheme"), scheme);
  }
}

TEST(Quantize, SaysWhereStaticInputsHaveNoPlace) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "a8s.gguf").string();
  write_with_static_inputs(file);
  const Ran to_folder = run("quantize", words(file, "f32", (folder.path() / "f/").string()));
  ASSERT_EQ(to_folder.exit_code, 0) << to_folder.err;
  const std::string not_kept = "static inputs of 2 linears are not kept: a Hugging Face folder has no place for them";
  EXPECT_NE(to_folder.err.find(not_kept), std::string::npos) << to_folder.err;
  const Ran to_file = run("quantize", words(file, "w8g32", (folder.path() / "o.gguf").string()));
  ASSERT_EQ(to_file.exit_code, 0) << to_file.err;
  EXPECT_EQ(to_file.err.find("static inputs"), std::string::npos) << "they travel on";

  std::string text;
  for (int i = 0; i < 60; ++i) text += fmt::format("The river rose in the night, line {}.\n", i * 37);
  const std::string data = folder.file("text", text).string();
  const auto says = [](const std::string& program, const Words& all, const std::string& part) {
    const Ran ran = run(program, all);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.err.find(part) != std::string::npos;
  };
  const std::string not_used = "static inputs of 2 linears are not used";
  const auto infer = [&](const std::string& model, const std::string& weights) {
    return says("infer", {"--model", model, "--prompt", "the river", "-n", "2", "--weights", weights}, not_used);
  };
  EXPECT_TRUE(infer(file, "f32"));
  EXPECT_FALSE(infer(file, "as-is"));
  EXPECT_FALSE(infer(file, "w8g32"));
  EXPECT_FALSE(infer(tiny("qwen2_tied"), "f32")) << "there are none";
  const Words fake = {"--model", file, "--data", data, "--weights", "w8c", "--fake-activations", "a8t"};
  EXPECT_TRUE(says("evaluate", fake, not_used));
}

TEST(Quantize, KeepsRowsWholeInALogOfBothStreams) {
  const TemporaryFolder folder;
  const std::string log = (folder.path() / "log").string();
  run("quantize", words(tiny("qwen2_untied"), "w8g32", (folder.path() / "o.gguf").string(), {"--verbose"}),
      {.output = log, .errors_too = true});
  const std::string text = content_of(log);
  const size_t peak = text.find("peak memory");
  ASSERT_NE(peak, std::string::npos) << text;
  EXPECT_GT(peak, text.find("bits per weight")) << "stderr came before what stdout still held";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_EQ(line.starts_with('|'), line.ends_with('|')) << line;
}

TEST(QuantizeRefuses, SchemesAndOptionsThatMakeNoSense) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "o.gguf").string(), to_folder = (folder.path() / "o/").string();
  const std::string model = tiny("qwen2_tied"), there = folder.path().string();
  expect_error(run("quantize", words(model, "bogus", file)), 2, "as-is f32 bf16 f16 w8c w8g32 w4g32 w4g32a");
  for (const char* scheme : {"as-is", "w4g32", "w8c"}) {
    expect_error(run("quantize", words(model, scheme, to_folder)), 2, "f32, bf16 or f16");
    expect_error(run("quantize", words(model, scheme, there)), 2, "f32, bf16 or f16");
  }
  expect_error(run("quantize", words(model, "bf16", to_folder, {"--keep-fp", "*"})), 2, "no --keep-fp");
  expect_error(run("quantize", words(model, "bf16", to_folder, {"--name", "n"})), 2, "--name");
  expect_error(run("quantize", words(model, "w8g32", (folder.path() / "n.gguf").string(), {"--name", "a\xff"})), 2,
               "--name: expected UTF-8");
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(QuantizeRefuses, PathsThatCannotBeInOneLineWithTheReason) {
  const TemporaryFolder folder;
  fs::create_symlink("b", folder.path() / "a");
  fs::create_symlink("a", folder.path() / "b");
  const std::string loop = (folder.path() / "a").string(), other = (folder.path() / "o.gguf").string();
  const std::string too_long = (folder.path() / std::string(300, 'x')).string();
  for (const char* end : {"", "/"}) {
    expect_error(run("quantize", words(tiny("qwen2_tied"), "bf16", too_long + end)), 1, "File name too long");
    expect_error(run("quantize", words(tiny("qwen2_tied"), "bf16", loop + end)), 1,
                 "Too many levels of symbolic links");
  }
  expect_error(run("quantize", words(tiny("qwen2_tied"), "bf16", tiny("qwen2_tied") + "/config.json/")), 1, "");
  EXPECT_EQ(folder.entries(), 2u);
}

TEST(QuantizeRefuses, ToReplaceAnyFileOfItsSource) {
  const TemporaryFolder folder;
  fs::copy(tiny_models() / "qwen2_tied", folder.path() / "own");
  const std::string own = (folder.path() / "own").string();
  std::map<std::string, std::string> before;
  for (const auto& entry : fs::directory_iterator(own)) before[entry.path().string()] = content_of(entry.path());
  for (const auto& [file, content] : before)
    expect_error(run("quantize", words(own, "w8g32", file)), 1, "a file the model is read from");
  for (const auto& [file, content] : before) EXPECT_EQ(content_of(file), content) << file;
  EXPECT_EQ(run("quantize", words(own, "w8g32", own + "/beside.gguf")).exit_code, 0) << "a new file may lie there";
}

TEST(QuantizeUnderAFileSizeLimit, SaysSoAndLeavesNothing) {
  const TemporaryFolder folder;
  make_whole_folder(folder.path() / "m", 64, 8192);
  const std::string model = (folder.path() / "m").string();
  for (const char* out : {"o.gguf", "o/"}) {
    const Ran ran =
        run("quantize", words(model, "f32", (folder.path() / out).string()), {.file_size_limit = uint64_t{1} << 20});
    EXPECT_FALSE(ran.by_signal);
    expect_error(ran, 1, "File too large");
  }
  EXPECT_EQ(folder.entries(), 1u);
}

class QuantizeEnded : public testing::TestWithParam<int> {
 protected:
  static bool writes(const fs::path& folder) {
    std::error_code error;  // the folder may not be there yet
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().filename().string().find(".tmp-") != std::string::npos) return true;
    return false;
  }
  static void expect_ended(const Ran& ran) {
    EXPECT_FALSE(ran.by_signal);
    EXPECT_EQ(ran.exit_code, 128 + GetParam());
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("ended by signal"), std::string::npos) << ran.err;
  }
};

TEST_P(QuantizeEnded, LeavesWhatWasThereAndNothingElse) {
  const TemporaryFolder folder;
  make_whole_folder(folder.path() / "m", 512, 24000);  // its embedding takes long enough to be in the middle of it
  const std::string model = (folder.path() / "m").string();
  fs::create_directory(folder.path() / "old");
  for (const char* file : {"old/o.gguf", "old/config.json", "old/model.safetensors"}) folder.file(file, "old");
  const fs::path outs[] = {folder.path() / "old/o.gguf", folder.path() / "old/", folder.path() / "new/"};
  for (const fs::path& out : outs) {
    const bool to_folder = out.string().ends_with('/');
    Process process("quantize", words(model, to_folder ? "f16" : "w4g32a", out, {"--threads", "1"}), {});
    ASSERT_TRUE(process.wait_until([&] { return writes(out.parent_path()); })) << process.err();
    process.interrupt(GetParam());
    expect_ended(process.wait());
  }
  EXPECT_EQ(folder.entries(), 2u) << "m and old";
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "old"), {}), 3);
  for (const char* file : {"old/o.gguf", "old/config.json", "old/model.safetensors"})
    EXPECT_EQ(content_of(folder.path() / file), "old");
}

INSTANTIATE_TEST_SUITE_P(BySignal, QuantizeEnded, testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(QuantizeUnderNohup, OutlivesAHangup) {
  const TemporaryFolder folder;
  make_whole_folder(folder.path() / "m", 256, 24000);
  const auto before = signal(SIGHUP, SIG_IGN);  // a child starts with what is ignored here
  const std::string out = (folder.path() / "o.gguf").string();
  Process process("quantize", words((folder.path() / "m").string(), "w4g32", out), {.keep_ignored = true});
  signal(SIGHUP, before);
  ASSERT_TRUE(process.wait_until([&] { return process.catches(SIGINT); }));
  process.interrupt(SIGHUP);
  EXPECT_EQ(process.wait().exit_code, 0);
  EXPECT_TRUE(fs::exists(out));
}

}  // namespace
}  // namespace slm::test
