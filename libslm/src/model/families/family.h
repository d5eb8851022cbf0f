// SPDX-License-Identifier: Apache-2.0
// A model family: how its config is read from either container. Private to model/; the table is in config.cpp.
#pragma once

#include <string>

#include "slm/io/gguf.h"
#include "slm/io/json.h"
#include "slm/model/config.h"

namespace slm {

/// The fields all families share, from config.json / GGUF metadata. Biases and defaults that differ are the family's.
ModelConfig shared_hf_fields(Family family, const Json& config, const std::string& path);
ModelConfig shared_gguf_fields(Family family, const GgufFile& file);

// families/qwen2.cpp, families/llama.cpp
ModelConfig qwen2_from_hf(const Json& config, const std::string& path);
ModelConfig qwen2_from_gguf(const GgufFile& file);
ModelConfig llama_from_hf(const Json& config, const std::string& path);
ModelConfig llama_from_gguf(const GgufFile& file);

}  // namespace slm
