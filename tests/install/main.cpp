// SPDX-License-Identifier: Apache-2.0
// The library example of README.md: a model file to text.   consumer MODEL PROMPT
// README example begins
#include <iostream>

#include "slm/slm.h"

int main(int argc, char** argv) try {
  if (argc != 3) throw slm::ArgumentError("usage: consumer MODEL PROMPT");
  auto tokenizer = slm::Tokenizer::load(argv[1]);
  auto model = std::make_shared<slm::Model>(slm::load_model(argv[1], {.plan = {.weights = slm::WeightScheme::W4G32}}));
  slm::Session session(model);
  slm::generate(session, tokenizer, tokenizer.encode(argv[2], {.add_bos = tokenizer.add_bos()}),
                {.max_tokens = 48,
                 .stop_ids = tokenizer.eos_ids(),
                 .sampler = {.temperature = 0.7f, .top_p = 0.9f},
                 .on_text = [](std::string_view text) { std::cout << text << std::flush; }});
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
// README example ends
