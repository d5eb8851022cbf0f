// SPDX-License-Identifier: Apache-2.0
#include "evaluate/options.h"

#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"

namespace slm {

const char* const kEvaluateTeaches =
    R"(Measures how well a model predicts a text, under each way of holding its weights: perplexity =
exp(mean of −log p(token)), with one standard error; and how far its predictions are from the unquantized model's:
mean KL(reference ‖ model) in nats, and how often both find the same token likeliest. Numbers compare only within
one protocol:
  gptq2048     windows of 2048 side by side, the last 2047 counted, rows joined by blank lines: the GPTQ paper
  llamacpp512  windows of 512 side by side, the last 255 counted: llama-perplexity
  rolling      windows of W tokens every S: each token once, with at least W − S tokens before it)";

std::string evaluate_examples() {
  return describe_weights() +
         "\nExamples:\n"
         "  evaluate --model models/qwen2.5-0.5b --data wiki.test.raw --protocol llamacpp512 --windows 64 \\\n"
         "    --weights f32,w8g32,w4g32 --kl-to f32 --kl-tokens 4096\n"
         "  evaluate --model model.gguf --data book.txt --protocol rolling --window 1024 --stride 512\n"
         "  evaluate --model models/qwen2.5-0.5b --data wiki.test.raw --weights w8c --fake-activations a8t"
         " --kl-to f32\n"
         "JSON: {model, weights_sha256, kl_weights_sha256, tokenizer, data, threads, results: [{weights, protocol,\n"
         "  windows, tokens, perplexity, stderr, kl, seconds, packed_bytes, kl_to, kl_model, kl_stderr, kl_tokens,\n"
         "  top1, window, stride, fake_activations}]}; kl is null without --kl-to, stderr and kl_stderr of one token;\n"
         "  what follows packed_bytes is there where it applies, kl_weights_sha256 with --kl-model.";
}

void add_evaluate_options(CLI::App& app, EvaluateOptions& o) {
  add_model_option(app, o.model);
  app.add_option("--data", o.data, "The text, a file in UTF-8; - for stdin")
      ->required()
      ->check(not_empty())
      ->type_name("FILE");
  app.add_option("--protocol", o.protocol_name, "gptq2048, llamacpp512 or rolling")
      ->check(CLI::Validator(
          [](const std::string& word) {
            try {
              parse_protocol(word);
              return std::string();
            } catch (const ArgumentError& error) {
              return std::string(error.what());
            }
          },
          ""))
      ->type_name("NAME")
      ->capture_default_str();
  add_number(app, "--windows", o.windows, "Only the first N windows, 0 for all", WholeRange{0});
  add_number(app, "--window", o.window, "W of rolling, at most the model's context (default 2048)", WholeRange{2});
  add_number(app, "--stride", o.stride, "S of rolling, less than W (default half of W)", WholeRange{1});
  add_weights_option(app, o.weights);
  app.add_option("--kl-to", o.kl_to, "Also measure the KL to the model held so, f32 usually")
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("SCHEME");
  app.add_option("--kl-model", o.kl_model,
                 "Another model to measure that KL to, of the same vocabulary (default: --model)")
      ->check(not_empty())
      ->type_name("DIR|FILE");
  add_number(app, "--kl-tokens", o.kl_tokens_asked,
             fmt::format("Positions compared for it, the first counted ones, 0 for all (default {})", o.kl_tokens),
             WholeRange{0});
  app.add_option("--fake-activations", o.fake_activations_name,
                 "Measure schemes apart from their kernels: weights keep the scheme's values in f32, inputs of linears "
                 "are quantized and back: f32 (not at all), a8g32 or a8t")
      ->check(one_of({"f32", "a8g32", "a8t"}))
      ->type_name("NAME");
  add_kv_option(app, o.kv);
}

void check(EvaluateOptions& o) {
  o.protocol.protocol = parse_protocol(o.protocol_name);
  if ((o.window || o.stride) && o.protocol.protocol != Protocol::Rolling)
    throw UsageError(
        fmt::format("[evaluate] --window and --stride belong to --protocol rolling, not {}", o.protocol_name));
  if (!o.kl_model.empty() && o.kl_to.empty()) throw UsageError("[evaluate] --kl-model does nothing without --kl-to");
  if (o.kl_tokens_asked && o.kl_to.empty()) throw UsageError("[evaluate] --kl-tokens does nothing without --kl-to");
  o.kl_tokens = o.kl_tokens_asked.value_or(o.kl_tokens);
  o.protocol.window = o.window.value_or(2048);
  o.protocol.stride = o.stride.value_or(o.protocol.window / 2);
  if (o.protocol.stride >= o.protocol.window)
    throw UsageError(fmt::format("[evaluate] --stride is {}, expected less than --window, {}", o.protocol.stride,
                                 o.protocol.window));
  if (o.fake_activations_name)
    for (const ActivationScheme scheme : {ActivationScheme::F32, ActivationScheme::A8G32, ActivationScheme::A8T})
      if (name(scheme) == *o.fake_activations_name) o.fake_activations = scheme;
}

void check(const EvaluateOptions& o, const ModelConfig& model) {
  if (o.protocol.protocol == Protocol::Rolling && o.protocol.window > model.context)
    throw UsageError(fmt::format("[evaluate] --window is {}{}, the model has a context of {}", o.protocol.window,
                                 o.window ? "" : " by default", model.context));
}

}  // namespace slm
