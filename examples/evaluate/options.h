// SPDX-License-Identifier: Apache-2.0
// What evaluate is asked to measure: its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slm/eval/protocol.h"
#include "slm/kernels/attention/attention.h"
#include "slm/model/config.h"
#include "slm/quant/scheme.h"

namespace CLI {
class App;
}

namespace slm {

struct EvaluateOptions {
  std::string model, data;
  std::string protocol_name = "llamacpp512";
  ProtocolOptions protocol;
  std::optional<int64_t> window, stride;
  int64_t windows = 0;
  std::vector<std::string> weights = {"as-is"};
  std::string kl_to;     ///< how the reference is held; empty: none
  std::string kl_model;  ///< which model it is; empty: the one measured
  std::optional<int64_t> kl_tokens_asked;
  int64_t kl_tokens = 16384;
  std::optional<std::string> fake_activations_name;
  std::optional<ActivationScheme> fake_activations;
  kernels::KvStorage kv = kernels::KvStorage::F32;
};

extern const char* const kEvaluateTeaches;
std::string evaluate_examples();
void add_evaluate_options(CLI::App& app, EvaluateOptions& options);
/// Turns words into values. Throws UsageError for options that make no sense together.
void check(EvaluateOptions& options);
/// Throws UsageError for windows beyond the model's context.
void check(const EvaluateOptions& options, const ModelConfig& model);

}  // namespace slm
