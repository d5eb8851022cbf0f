// SPDX-License-Identifier: Apache-2.0
// Description: all that `inspect` shows, as one document.
// In: ModelFiles, Tokenizer.  Out: JsonDocument, text on stdout.
#pragma once

#include "cli/program.h"
#include "slm/model/model_files.h"
#include "slm/text/tokenizer.h"

namespace slm {

JsonDocument describe(const ModelFiles& model, const Tokenizer& tokenizer);
/// The same for people. `tensors`: a line for each tensor.
void print_description(const JsonDocument& description, bool tensors);

}  // namespace slm
