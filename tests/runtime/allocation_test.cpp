// SPDX-License-Identifier: Apache-2.0
// A decoded token allocates nothing, whatever the scheme, and generate() only where its text outgrows its memory:
// malloc is interposed for the whole test program and counted.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdlib>

#include "slm/runtime/generate.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "tests/support/model_paths.h"

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

TEST_P(Allocations, NoneInADecodedToken) {
  const auto model =
      std::make_shared<Model>(load_model(test::tiny_models() / "qwen2_tied", {.plan = {.weights = GetParam().scheme}}));
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

INSTANTIATE_TEST_SUITE_P(, Allocations, testing::ValuesIn(weight_schemes().begin(), weight_schemes().end()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace slm
#else
TEST(MallocCounter, Counts) { GTEST_SKIP() << "malloc is the sanitizer's here: allocations are not counted"; }
#endif
