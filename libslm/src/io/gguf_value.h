// SPDX-License-Identifier: Apache-2.0
// One value of a GGUF file's metadata: a scalar, a string, or an array of these.
// In: the cursor behind a key.  Out: GgufValue.  Next: gguf.cpp.
#pragma once

#include <string_view>

#include "io/gguf_cursor.h"

namespace slm {

/// Reads the type and the value. `what` names it in messages. Throws FormatError; an array of arrays is refused.
GgufValue read_gguf_value(GgufCursor& in, std::string_view what);

}  // namespace slm
