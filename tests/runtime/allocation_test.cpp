// SPDX-License-Identifier: Apache-2.0
// A decoded token allocates nothing, whatever the scheme, and generate() only where its text outgrows its memory:
// malloc is interposed for the whole test program and counted.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "slm/core/rng.h"
#include "slm/runtime/generate.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "tests/support/model_paths.h"
#include "tests/support/threads.h"

#if !defined(__SANITIZE_ADDRESS__)
namespace {
std::atomic<int64_t> allocations = 0;
}

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t size) { return ++allocations, __libc_malloc(size); }
void* calloc(size_t n, size_t size) { return ++allocations, __libc_calloc(n, size); }
void* realloc(void* p, size_t size) { return ++allocations, __libc_realloc(p, size); }
int posix_memalign(void** p, size_t alignment, size_t size) {
  ++allocations;
  *p = __libc_memalign(alignment, size);
  return *p == nullptr ? ENOMEM : 0;
}
void* aligned_alloc(size_t alignment, size_t size) { return ++allocations, __libc_memalign(alignment, size); }
}

namespace slm {
namespace {

class Allocations : public testing::TestWithParam<WeightSchemeInfo> {};

TEST(MallocCounter, Counts) {
  const int64_t before = allocations;
  std::free(std::malloc(100));
  delete new int(3);
  EXPECT_GE(allocations - before, 1);
}

/// One block of a model so wide that its linears are cut for three threads; static inputs where kernels quantize them.
std::shared_ptr<const Model> wide_model(WeightScheme scheme) {
  ModelConfig config = ModelFiles::open(test::tiny_models() / "qwen2_tied").config();
  config.layers = 1;
  config.ffn = 4096;
  config.vocab = 16384;
  std::map<std::string, std::vector<float>> values;
  StaticInputs inputs;
  Rng rng(3);
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    std::vector<float>& all = values[tensor.name];
    all.resize(static_cast<size_t>(tensor.shape.elements()));
    for (float& value : all) value = 0.1f * rng.normal();
    if (tensor.name.ends_with("gate_proj.weight") || tensor.name.ends_with("up_proj.weight"))
      inputs.emplace(tensor.name, find_params(kGridA8S, std::array{-2.0f, 3.0f}));
  }
  const auto value_of = [&](const std::string& name) { return std::span<const float>(values.at(name)); };
  const ModelFiles files = ModelFiles::in_memory(config, value_of).with_values(value_of, inputs);
  return std::make_shared<const Model>(load_model(files, {.plan = {.weights = scheme, .keep_fp = {}}}));
}

TEST_P(Allocations, NoneInADecodedToken) {
  const test::ScopedThreads threads(3);
  const std::shared_ptr<const Model> model = wide_model(GetParam().scheme);
  ASSERT_GT(model->weights.head_table().panels() * 16 * model->config.width, 3 << 16) << "work for three threads";
  for (const kernels::KvStorage kv : {kernels::KvStorage::F32, kernels::KvStorage::F16}) {
    Session session(model, {.context = 200, .kv = kv});
    Sampler greedy({}, model->config.vocab),
        drawn({.temperature = 1, .top_k = 20, .top_p = 0.9f, .min_p = 0.01f, .repeat_penalty = 1.1f},
              model->config.vocab);
    std::vector<int32_t> seen = {1, 2, 3};
    seen.reserve(200);
    session.append(seen);
    const int64_t before = allocations;
    for (int i = 0; i < 100; ++i) {  // crosses three blocks of the cache
      const std::span<const float> logits = session.append(std::span(&seen.back(), 1));
      seen.push_back(i % 2 == 0 ? greedy.sample(logits, seen) : drawn.sample(logits, seen));
    }
    EXPECT_EQ(allocations - before, 0);
  }
}

/// The text of an answer has no bound known before, so its string doubles; pieces of text fit into strings themselves.
TEST(GenerateAllocates, OnlyWhereItsTextDoubles) {
  const auto path = test::tiny_models() / "qwen2_tied";
  const auto model = std::make_shared<Model>(load_model(path, {.plan = {.weights = WeightScheme::W4G32}}));
  const Tokenizer tokenizer = Tokenizer::load(path);
  Session session(model, {.context = 512});
  std::vector<int64_t> counts;  // before each token
  counts.reserve(512);
  const Generated result = generate(session, tokenizer, std::vector<int32_t>{1, 2, 3},
                                    {.max_tokens = 400, .sampler = {.temperature = 2}, .cancelled = [&] {
                                       counts.push_back(allocations);
                                       return false;
                                     }});
  ASSERT_EQ(result.ids.size(), 400u);
  ASSERT_EQ(counts.size(), 401u) << "once before the prompt, once before each token";
  EXPECT_GT(result.text.size(), 200u);
  EXPECT_LE(counts.back() - counts[1], std::bit_width(result.text.size()));
}

std::vector<WeightSchemeInfo> tested_schemes() {
  std::vector<WeightSchemeInfo> schemes(weight_schemes().begin(), weight_schemes().end());
  for (const char* name : {"w8t", "w6cz", "w5g64", "w3g32z", "w2g64a"})  // of the rest, one of each kind
    schemes.push_back(info(parse_weight_scheme(name)));
  return schemes;
}
INSTANTIATE_TEST_SUITE_P(, Allocations, testing::ValuesIn(tested_schemes()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace slm
#else
TEST(MallocCounter, Counts) { GTEST_SKIP() << "malloc is the sanitizer's here: allocations are not counted"; }
#endif
