// SPDX-License-Identifier: Apache-2.0
// tokenize: text → its ids and pieces; with --bos, all that a model sees of it.
#include <fmt/format.h>

#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/program.h"
#include "cli/terminal.h"

int main(int argc, char** argv) {
  slm::Program program(
      "tokenize",
      "Shows the ids and pieces a model's tokenizer makes of a text: one token a line, the id and\n"
      "its spelling in the vocabulary (byte-level vocabularies write a space as Ġ and a line end as Ċ).\n"
      "Names of control tokens in the text (\"<|im_end|>\") are plain text unless --control-tokens.\n"
      "Models whose texts begin with a token of their own (inspect: add_bos) see that before these:\n"
      "--bos shows it.",
      "Examples:\n"
      "  tokenize --model models/qwen2.5-0.5b --text \"The river rose\"\n"
      "  tokenize --model model.gguf --file page.txt --json\n"
      "  echo \"some text\" | tokenize --model model.gguf\n"
      "JSON: {ids, pieces, count}");
  std::string model, text, file;
  bool control_tokens = false, bos = false;
  slm::add_tokenizer_option(program.options(), model);
  CLI::Option* text_option = program.options().add_option("--text", text, "The text")->type_name("S");
  CLI::Option* file_option = program.options()
                                 .add_option("--file", file, "A file that holds it, in UTF-8; - for stdin")
                                 ->check(slm::not_empty())
                                 ->type_name("F");
  text_option->excludes(file_option);
  program.options().add_flag("--control-tokens", control_tokens, "Names of control tokens become these tokens");
  program.options().add_flag("--bos", bos, "Begin with the vocabulary's beginning-of-text token, if it has one");

  return program.run(argc, argv, [&] {
    if (text_option->count() > 0) {
      slm::tell_bytes_that_are_no_utf8("--text", text);
    } else {
      if (file.empty() && slm::stdin_is_terminal())
        throw slm::UsageError("[tokenize] no text: give --text or --file, or pipe it in (see tokenize --help)");
      text = slm::read_text(file.empty() ? "-" : file);
    }
    const slm::Tokenizer tokenizer = slm::Tokenizer::load(model);
    const std::vector<int32_t> ids = tokenizer.encode(text, {.control_tokens = control_tokens, .add_bos = bos});
    if (program.json()) {
      slm::JsonDocument pieces = slm::JsonDocument::array();
      for (const int32_t id : ids) pieces.push_back(tokenizer.piece(id));
      slm::print_json({{"ids", ids}, {"pieces", pieces}, {"count", ids.size()}});
    } else {
      for (const int32_t id : ids) fmt::print("{:>7}  {}\n", id, slm::one_line(tokenizer.piece(id)));
      slm::tell("{}{}\n", slm::counted(std::ssize(ids), "token"),
                tokenizer.add_bos() && !bos ? ", after the beginning-of-text token that --bos shows" : "");
    }
  });
}
