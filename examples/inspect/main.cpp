// SPDX-License-Identifier: Apache-2.0
// inspect: what is in a model file: config, tensors, tokenizer, chat format, and the keys of a GGUF file.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/model_options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "inspect/describe.h"

int main(int argc, char** argv) {
  slm::Program program("inspect",
                       R"(Shows what a model is made of, without reading its weights: the config, how many bytes its
tensors take in which types, the tokenizer and its special ids, the chat format, and the keys of a GGUF file.)",
                       R"(Examples:
  inspect --model models/qwen2.5-0.5b
  inspect --model model.gguf --tensors
  inspect --model model.gguf --json | jq .config.layers
JSON: {model, format, config, parameters, bytes, types, tensors: [{name, stored_name, shape, type, bytes}],
       static_inputs, tokenizer, chat, metadata (GGUF)})");
  std::string path;
  bool tensors = false;
  slm::add_model_option(program.options(), path);
  program.options().add_flag("--tensors", tensors, "A line for each tensor, too (JSON always has them)");

  return program.run(argc, argv, [&] {
    const slm::ModelFiles model = slm::ModelFiles::open(path);
    const slm::Tokenizer tokenizer = slm::load_tokenizer(path);
    if (program.json()) {
      slm::print_json(slm::describe(model, tokenizer));
      return;
    }
    slm::print_description(slm::describe(model, tokenizer), tensors);
  });
}
