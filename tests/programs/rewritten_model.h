// SPDX-License-Identifier: Apache-2.0
// A GGUF model as nobody publishes it: a tiny one with other metadata or other names of tensors.
#pragma once

#include <functional>
#include <string>

#include "slm/io/gguf.h"
#include "tests/programs/run_program.h"

namespace slm::test {

/// A tiny GGUF model, written again with changes.
inline std::string rewritten(const TemporaryFolder& folder,
                             const std::function<void(GgufWriter&, const GgufFile&)>& change,
                             const std::function<std::string(const std::string&)>& rename = {}) {
  const GgufFile source = GgufFile::open(tiny("gguf/qwen2_untied_q4_0.gguf"));
  GgufWriter writer;
  for (const auto& [key, value] : source.metadata()) writer.set(key, value);
  change(writer, source);
  for (const StoredTensor& tensor : source.tensors())
    writer.declare_tensor(rename ? rename(tensor.name) : tensor.name, tensor.tensor.dtype(), tensor.tensor.shape());
  writer.write(folder.path() / "rewritten.gguf", [&](size_t i, const GgufWriter::Sink& sink) {
    sink({source.tensors()[i].tensor.data(), source.tensors()[i].tensor.bytes()});
  });
  return (folder.path() / "rewritten.gguf").string();
}

}  // namespace slm::test
