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

/// Reads lines from stdin until its end, /exit or Ctrl-C at the prompt. Text goes to stdout or, where there is a
/// document, the turns into its "turns" instead. A message that does not fit: a person goes on; a script is told, by
/// ArgumentError or, so that the turns before are not lost, by the document's "error".
void talk(Conversation& conversation, const Session& session, const GenerateOptions& options, InterruptFlag& interrupt,
          JsonDocument* document);

}  // namespace slm
