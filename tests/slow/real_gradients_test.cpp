// SPDX-License-Identifier: Apache-2.0
// One training step of real weights against PyTorch in float64 (make_real_references.py --only gradients): the loss of
// 64 tokens, and of each parameter's gradient the norm and its products with two vectors of signs. Needs 4 GB.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>

#include "slm/io/json.h"
#include "slm/kernels/vec/variants.h"
#include "slm/model/tape_executor.h"
#include "slm/ops/head_loss.h"
#include "slm/text/tokenizer.h"
#include "tests/support/model_paths.h"
#include "tests/support/train_rows.h"

namespace slm {
namespace {

constexpr double kBound = 1e-4;  // of the gradient's norm

/// +1 or −1, as signs() of make_real_references.py.
double sign(size_t index, uint32_t seed) {
  uint32_t h = static_cast<uint32_t>(index) * 0x9E3779B1u + seed;
  h = (h ^ (h >> 15)) * 0x85EBCA77u;
  h = (h ^ (h >> 13)) * 0xC2B2AE3Du;
  return ((h ^ (h >> 16)) & 1u) == 0 ? 1.0 : -1.0;
}

double product(std::span<const float> gradient, uint32_t seed) {
  double sum = 0;
  for (size_t i = 0; i < gradient.size(); ++i) sum += sign(i, seed) * static_cast<double>(gradient[i]);
  return sum;
}

double norm(std::span<const float> gradient) {
  double sum = 0;
  for (const float value : gradient) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

/// 64-bit FNV-1a over the little-endian ids, as fnv1a() of make_real_references.py.
uint64_t fnv1a(std::span<const int32_t> ids) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const int32_t id : ids)
    for (int byte = 0; byte < 4; ++byte)
      hash = (hash ^ ((static_cast<uint32_t>(id) >> (8 * byte)) & 0xff)) * 0x100000001b3;
  return hash;
}

TEST(RealGradients, OfQwenEqualPyTorch) {
  const std::filesystem::path golden_path = test::real_golden() / "qwen0.5b-tie.gradients.json",
                              folder = test::real_models() / "qwen0.5b-tie",
                              text = test::shared_data() / "wikitext2/raw/wiki.test.raw";
  SLM_REQUIRE_GOLDEN(golden_path);
  SLM_REQUIRE_PATH(folder);
  SLM_REQUIRE_PATH(text);
  const Json golden = parse_json_file(golden_path);

  std::vector<int32_t> ids = Tokenizer::load(folder).encode(std::string_view(read_file(text)).substr(0, 8192));
  ids.resize(golden.at("tokens").get<size_t>());
  ASSERT_EQ(fmt::format("{:016x}", fnv1a(ids)), golden.at("ids_fnv1a").get<std::string>())
      << "another text or tokenizer";
  TrainableModel model(ModelFiles::open(folder));
  Tape tape;
  TapeExecutor executor(model.config(), tape);
  std::vector<int32_t> targets(ids.size() - 1);
  std::iota(targets.begin(), targets.end(), 0);
  const std::span<const int32_t> labels = std::span(ids).subspan(1);

  executor.begin(test::rows_of(ids));
  const TrainedWeights& weights = model.weights();
  const Parameter& table = *weights.head_table();
  const autograd::LinearInput x =
      executor.linear_input(head_input(executor, weights, hidden(executor, weights), targets), table);
  GemmScratch scratch;
  AlignedBuffer logits;
  const HeadLoss loss =
      head_loss_grad(scratch, logits, kernels::select(kernels::vec_variants()), *executor.view(table), x.input(),
                     labels, {}, {}, 1.0 / static_cast<double>(labels.size()), x.values.grad(), table.grad_matrix());
  tape.backward();

  const double expected_loss = golden.at("loss").get<double>();
  EXPECT_NEAR(loss.mean({}), expected_loss, 1e-6 * expected_loss);
  const Json& tensors = golden.at("tensors");
  ASSERT_EQ(tensors.size(), model.parameters().size());
  double worst = 0;
  for (const Parameter& p : model.parameters()) {
    const Json& expected = tensors.at(p.name);
    const double length = expected.at("norm").get<double>();
    const auto products = expected.at("products").get<std::vector<double>>();
    const double differences[] = {norm(p.grad) - length, product(p.grad, 1) - products.at(0),
                                  product(p.grad, 2) - products.at(1)};
    for (const double difference : differences) {
      EXPECT_LE(std::abs(difference), kBound * length) << p.name;
      worst = std::max(worst, std::abs(difference) / length);
    }
  }
  std::cout << tensors.size() << " gradients, largest relative difference " << worst << '\n';
}

}  // namespace
}  // namespace slm
