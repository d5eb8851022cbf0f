// SPDX-License-Identifier: Apache-2.0
// A vocabulary learned from a training file.
#pragma once

#include <cstdint>
#include <string>

#include "slm/text/tokenizer.h"

namespace slm {

/// Of at most so many tokens. Shows how far it is. Throws IoError, FormatError (nothing to learn from, a line without
/// "text"), Interrupted.
TokenizerData learn_vocabulary(const std::string& path, int32_t tokens);

}  // namespace slm
