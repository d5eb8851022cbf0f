// SPDX-License-Identifier: Apache-2.0
#include "evaluate/options.h"

#include "cli/model_options.h"
#include "cli/program.h"

namespace slm {

const char* const kEvaluateTeaches =
    "Measures how well a model predicts a text, under each way of holding its weights: "
    "perplexity = exp(mean of −log p(token)),\n"
    "with one standard error; and how far its predictions are from the unquantized model's: "
    "mean KL(reference ‖ model) in\n"
    "nats, and how often both find the same token likeliest. Numbers compare only within one protocol:\n"
    "  gptq2048     windows of 2048 side by side, the last 2047 counted, rows joined by blank lines: the GPTQ paper\n"
    "  llamacpp512  windows of 512 side by side, the last 255 counted: llama-perplexity\n"
    "  rolling      windows of W tokens every S: each token once, with at least W − S tokens before it";

std::string evaluate_examples() {
  return describe_weights() +
         "\nExamples:\n"
         "  evaluate --model models/qwen2.5-0.5b --data wiki.test.raw --protocol llamacpp512 --windows 64 \\\n"
         "    --weights f32,w8g32,w4g32 --kl-to f32 --kl-tokens 4096\n"
         "  evaluate --model model.gguf --data book.txt --protocol rolling --window 1024 --stride 512\n"
         "  evaluate --model models/qwen2.5-0.5b --data wiki.test.raw --weights w8c --fake-activations a8t"
         " --kl-to f32\n"
         "JSON: {model, weights_sha256, tokenizer, data, threads, results: [{weights, protocol, windows, tokens, "
         "perplexity,\n"
         "  stderr, kl, seconds, packed_bytes, kl_stderr, kl_tokens, top1, window, stride, fake_activations}]}; kl is "
         "null\n"
         "  without --kl-to, what follows packed_bytes is there where it applies.";
}

void add_evaluate_options(CLI::App& app, EvaluateOptions& o) {
  add_model_option(app, o.model);
  app.add_option("--data", o.data, "The text, a file in UTF-8; - for stdin")->required()->type_name("FILE");
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
  const auto count = [&app](const char* flag, auto& value, const char* text, int64_t least) {
    return app.add_option(flag, value, text)
        ->check(CLI::Range(least, int64_t{1} << 40).description(""))
        ->type_name("N");
  };
  count("--windows", o.windows, "Only the first N windows; 0: all (default)", 0);
  count("--window", o.window, "W of rolling (default 2048)", 2);
  count("--stride", o.stride, "S of rolling (default half of W)", 1);
  add_weights_option(app, o.weights);
  app.add_option("--kl-to", o.kl_to, "Also measure the KL to the model held so, f32 usually")
      ->check(CLI::Validator(refuse_unknown_weights, ""))
      ->type_name("SCHEME");
  count("--kl-tokens", o.kl_tokens, "Positions compared for it, the first counted ones; 0: all (default 16384)", 0);
  app.add_option("--fake-activations", o.fake_activations_name,
                 "Measure schemes apart from their kernels: weights keep the scheme's values in f32, inputs of linears "
                 "are quantized and back: f32 (not at all), a8g32 or a8t")
      ->check(CLI::IsMember({"f32", "a8g32", "a8t"}).description(""))
      ->type_name("NAME");
  add_kv_option(app, o.kv);
}

void check(EvaluateOptions& o) {
  o.protocol.protocol = parse_protocol(o.protocol_name);
  if ((o.window || o.stride) && o.protocol.protocol != Protocol::Rolling)
    throw UsageError(
        fmt::format("[evaluate] --window and --stride belong to --protocol rolling, not {}", o.protocol_name));
  if (o.kl_tokens && o.kl_to.empty()) throw UsageError("[evaluate] --kl-tokens does nothing without --kl-to");
  o.protocol.window = o.window.value_or(2048);
  o.protocol.stride = o.stride.value_or(o.protocol.window / 2);
  if (o.protocol.stride >= o.protocol.window)
    throw UsageError(fmt::format("[evaluate] --stride is {}, expected less than --window, {}", o.protocol.stride,
                                 o.protocol.window));
  if (o.fake_activations_name)
    for (const ActivationScheme scheme : {ActivationScheme::F32, ActivationScheme::A8G32, ActivationScheme::A8T})
      if (name(scheme) == *o.fake_activations_name) o.fake_activations = scheme;
}

}  // namespace slm
