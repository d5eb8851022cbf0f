// SPDX-License-Identifier: Apache-2.0
// Talk: turns read from stdin, answers written as they come.
#pragma once

#include <string>

#include "cli/program.h"
#include "cli/terminal.h"
#include "slm/runtime/conversation.h"

namespace slm {

/// What one answer took, as JSON and as a line for people.
JsonDocument to_json(const Generated& generated, std::span<const int32_t> prompt_ids);
std::string timing_line(const Generated& generated);

/// Reads lines from stdin until its end, /exit or Ctrl-C at the prompt. Text goes to stdout unless `json`, which
/// returns the turns instead.
JsonDocument talk(Conversation& conversation, const GenerateOptions& options, InterruptFlag& interrupt, bool json);

}  // namespace slm
