// SPDX-License-Identifier: Apache-2.0
// A checkpoint that is damaged, altered, of another run or of values that are no numbers is refused by name.
#include "slm/core/finite.h"
#include "slm/io/json.h"
#include "tests/support/expect_error.h"
#include "tests/train/checkpoints.h"

namespace slm {
namespace {

TEST_F(Checkpoints, RangesOfInputsAreOnesToGoOnFrom) {
  const RunOptions of_static = {.scheme = WeightScheme::W8C,
                                .static_inputs = StaticInputOptions{.delay = 1, .decay = 0.9}};
  TinyRun training(of_static);
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer), state = step / "state.json";
  const Json whole = parse_json_file(state.string());
  const std::string linear = "model.layers.0.mlp.up_proj.weight";
  const auto refuses = [&](const std::string& name, const Json& range, std::string_view part) {
    Json changed = whole;
    changed.at("input_ranges")[name] = range;
    std::ofstream(state) << changed;
    seal(step);
    TinyRun again(of_static);
    expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {"state.json", name, part});
  };
  refuses(linear, {1.0, -1.0, 0.5}, "from 1 to -1");
  refuses(linear, {-1.0, 1.0, 0.0}, "weight 0");
  refuses(linear, {-1.0, 1.0}, "2 numbers");
  refuses("model.layers.9.mlp.up_proj.weight", {-1.0, 1.0, 0.5}, "has not");
}

TEST_F(Checkpoints, DamagedOrForeignOnesAreRefusedByName) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer);
  TinyRun other(tiny());
  CheckpointOptions foreign = options();
  foreign.identity["seed"] = "12";
  expect_error<FormatError>([&] { load_checkpoint(foreign, other.trainer); }, {"state.json", "seed", "11", "12"});
  foreign = options();
  foreign.identity["mode"] = "qat";
  expect_error<FormatError>([&] { load_checkpoint(foreign, other.trainer); }, {"mode", "missing"});
  for (const char* name : {"weights.safetensors", "moments.safetensors", "state.json"}) {
    fs::copy(step, folder_.path() / "kept", fs::copy_options::recursive);
    fs::resize_file(step / name, fs::file_size(step / name) / 2);
    expect_error<FormatError>([&] { load_checkpoint(options(), other.trainer); }, {name});
    fs::remove_all(step);
    fs::rename(folder_.path() / "kept", step);
  }
  TinyRun frozen({.freeze = {"model.norm.weight"}});
  expect_error<FormatError>([&] { load_checkpoint(options(), frozen.trainer); }, {"weights.safetensors", "tensors"});
  EXPECT_TRUE(load_checkpoint(options(), other.trainer)) << "whole again";
}

TEST_F(Checkpoints, AreRefusedWhereABitIsOtherThanItWasWritten) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer);
  TinyRun again(tiny());
  const auto refused = [&](std::string_view name, std::string_view part) {
    expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {name, part});
    expect_error<FormatError>([&] { check_checkpoint(options()); }, {name, part});
  };
  const auto flip = [&](const char* name, int64_t offset) {
    std::fstream file(step / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset, offset < 0 ? std::ios::end : std::ios::beg);
    const std::streampos at = file.tellg();
    const char changed = static_cast<char>(file.get() ^ 1);
    file.seekp(at).put(changed);
  };
  const std::string state = read_file(step / "state.json");
  for (const auto& [name, offset] : {std::pair<const char*, int64_t>{"weights.safetensors", -4},
                                     {"moments.safetensors", -4},
                                     {"state.json", static_cast<int64_t>(state.find("\"sequence\": ")) + 12}}) {
    flip(name, offset);
    refused(name, "damaged");
    flip(name, offset);
  }
  const std::string sums = read_file(step / "sha256sums");
  fs::remove(step / "sha256sums");
  refused("sha256sums", "missing");
  const auto with_sums = [&](const std::string& text) { std::ofstream(step / "sha256sums") << text; };
  std::string other = sums;
  other[3] = other[3] == '0' ? '1' : '0';
  with_sums(other);
  refused("weights.safetensors", "sha256sums says " + other.substr(0, 64));
  with_sums(sums.substr(0, sums.find("state.json")));
  refused("sha256sums", "no line of 64 digits, two spaces and state.json");
  with_sums(sums);
  EXPECT_TRUE(load_checkpoint(options(), again.trainer)) << "whole again";
  seal(step);
  EXPECT_EQ(read_file(step / "sha256sums"), sums);
}

TEST_F(Checkpoints, HoldFiniteValuesOnly) {
  TinyRun training(tiny());
  training.steps(1);
  const fs::path step = save_checkpoint(options(), training.trainer);
  const Parameter& p = training.model.parameter("model.norm.weight");
  for (const std::span<float> values :
       {p.value, training.trainer.optimizer().first_moment(p), training.trainer.optimizer().second_moment(p)})
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const float kept = std::exchange(values[3], bad);
      training.trainer.optimizer().set_steps(2);
      expect_error<NotFiniteError>([&] { save_checkpoint(options(), training.trainer); }, {"model.norm.weight"});
      EXPECT_EQ(names(), std::vector<std::string>{"step-00000001"});
      values[3] = kept;
    }
  std::fstream file(step / "weights.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4, std::ios::end);
  file.write("\0\0\x80\x7f", 4);  // infinity
  file.close();
  seal(step);
  TinyRun again(tiny());
  expect_error<FormatError>([&] { load_checkpoint(options(), again.trainer); }, {"weights.safetensors", "inf"});
}

}  // namespace
}  // namespace slm
