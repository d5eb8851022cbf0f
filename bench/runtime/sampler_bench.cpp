// SPDX-License-Identifier: Apache-2.0
// Sampler on the vocabulary of Qwen2.5-0.5B (151,936): microseconds a token, greedy and with each filter added to those
// before it. Logits fall as those of text do, by Zipf's law: top-p 0.95 keeps some dozens of ids.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "slm/core/rng.h"
#include "slm/runtime/sampler.h"

namespace slm {
namespace {

constexpr int64_t kVocab = 151936;

/// −1.5·log(rank), ranks in random order.
std::vector<float> zipf_logits() {
  std::vector<float> logits;
  for (int64_t rank = 1; rank <= kVocab; ++rank) logits.push_back(-1.5f * std::log(static_cast<float>(rank)));
  Rng rng(1);
  rng.shuffle(logits);
  return logits;
}

struct Case {
  const char* name;
  SamplerOptions options;
};
constexpr Case kCases[] = {
    {"greedy", {}},
    {"t0.8", {.temperature = 0.8f}},
    {"t0.8+top_p0.95", {.temperature = 0.8f, .top_p = 0.95f}},
    {"t0.8+top_p0.95+top_k40", {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f}},
    {"t0.8+top_p0.95+top_k40+min_p0.05", {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f}}};

void sample(benchmark::State& state, const SamplerOptions& options) {
  const std::vector<float> logits = zipf_logits();
  Sampler sampler(options, kVocab);
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(logits, {}));
  state.SetItemsProcessed(state.iterations());
}

const bool kRegistered = [] {
  for (const Case& c : kCases)
    benchmark::RegisterBenchmark((std::string("sampler/") + c.name).c_str(), sample, c.options)
        ->Unit(benchmark::kMicrosecond);
  return true;
}();

}  // namespace
}  // namespace slm
