// SPDX-License-Identifier: Apache-2.0
#include "slm/train/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "slm/core/check.h"
#include "slm/io/atomic_file.h"
#include "slm/io/safetensors.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kMoments = "moments.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kTemporary = ".unfinished";

fs::path folder_of(const CheckpointOptions& options, int64_t step) {
  return options.folder / fmt::format("step-{:08}", step);
}

/// Whole checkpoints, oldest first.
std::vector<fs::path> whole_checkpoints(const CheckpointOptions& options) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options.folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && !name.ends_with(kTemporary)) found.push_back(entry.path());
  }
  if (error && error.value() != ENOENT) throw IoError("[checkpoint] " + options.folder.string(), error.value());
  std::ranges::sort(found);
  return found;
}

/// A part of a tensor file: name, and where its values live.
struct Piece {
  std::string name;
  Shape shape;
  std::span<float> values;
};

std::vector<Piece> weights_of(TrainableModel& model) {
  std::vector<Piece> pieces;
  for (const Parameter& p : model.parameters())
    if (!p.frozen()) pieces.push_back({p.name, p.shape, p.value});
  return pieces;
}
std::vector<Piece> moments_of(Trainer& trainer) {
  std::vector<Piece> pieces;
  for (const Parameter& p : trainer.model().parameters()) {
    if (p.frozen()) continue;
    pieces.push_back({"first." + p.name, p.shape, trainer.optimizer().first_moment(p)});
    pieces.push_back({"second." + p.name, p.shape, trainer.optimizer().second_moment(p)});
  }
  return pieces;
}

void write_pieces(const fs::path& file, const std::vector<Piece>& pieces) {
  std::vector<SafetensorsEntry> entries;
  for (const Piece& piece : pieces) entries.push_back({piece.name, Dtype::F32, piece.shape});
  write_safetensors(file, entries, {}, [&](size_t i, const ByteSink& sink) { sink(std::as_bytes(pieces[i].values)); });
}

void read_pieces(const fs::path& file, const std::vector<Piece>& pieces) {
  std::map<std::string, StoredTensor> stored;
  for (StoredTensor& tensor : read_safetensors(file)) {
    std::string name = tensor.name;
    stored.emplace(std::move(name), std::move(tensor));
  }
  if (stored.size() != pieces.size())
    throw FormatError(file.string(),
                      fmt::format("[checkpoint] {} tensors, this model has {}", stored.size(), pieces.size()));
  for (const Piece& piece : pieces) {
    const auto it = stored.find(piece.name);
    if (it == stored.end()) throw FormatError(file.string(), fmt::format("[checkpoint] no tensor {}", piece.name));
    const Tensor& tensor = it->second.tensor;
    if (tensor.dtype() != Dtype::F32 || tensor.shape() != piece.shape)
      throw FormatError(file.string(),
                        fmt::format("[checkpoint] {} is {} {}, this model's is F32 {}", piece.name,
                                    name(tensor.dtype()), tensor.shape().to_string(), piece.shape.to_string()));
    std::memcpy(piece.values.data(), tensor.data(), piece.values.size_bytes());
  }
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int failed = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw IoError("[checkpoint] " + folder.string(), failed);
}

/// Removed again unless kept: nothing half-written stays behind an error.
struct UnfinishedFolder {
  fs::path path;
  bool kept = false;
  ~UnfinishedFolder() {
    std::error_code ignored;
    if (!kept) fs::remove_all(path, ignored);
  }
};

/// Bytes one checkpoint of this model takes, nearly.
uint64_t checkpoint_bytes(const TrainableModel& model) {
  uint64_t values = 0;
  for (const Parameter& p : model.parameters())
    if (!p.frozen()) values += p.value.size();
  return 3 * values * sizeof(float) + (uint64_t{1} << 20);
}

}  // namespace

void check_free_space(const CheckpointOptions& options, const TrainableModel& model) {
  std::error_code error;
  fs::path existing = options.folder;
  while (!existing.empty() && !fs::exists(existing, error)) existing = existing.parent_path();
  const fs::space_info space = fs::space(existing.empty() ? fs::path(".") : existing, error);
  if (error) throw IoError("[checkpoint] " + options.folder.string(), error.value());
  const uint64_t needed = checkpoint_bytes(model) * static_cast<uint64_t>(options.keep + 1);
  if (space.available < needed)
    throw IoError(fmt::format("[checkpoint] {} checkpoints need {} MB, {} has {} MB free", options.keep + 1,
                              needed >> 20, options.folder.string(), space.available >> 20),
                  ENOSPC);
}

fs::path save_checkpoint(const CheckpointOptions& options, Trainer& trainer, const Json& notes) {
  const fs::path folder = folder_of(options, trainer.steps_done());
  UnfinishedFolder unfinished{.path = folder.string() + kTemporary};
  std::error_code error;
  fs::remove_all(unfinished.path, error);
  fs::create_directories(unfinished.path, error);
  if (error) throw IoError("[checkpoint] cannot make " + unfinished.path.string(), error.value());
  write_pieces(unfinished.path / kWeights, weights_of(trainer.model()));
  write_pieces(unfinished.path / kMoments, moments_of(trainer));
  const BatcherPlace place = trainer.batcher().place();
  const Json state = {{"step", trainer.steps_done()},
                      {"epoch", place.epoch},
                      {"sequence", place.sequence},
                      {"identity", options.identity},
                      {"notes", notes}};
  write_file(unfinished.path / kState, state.dump(1) + "\n");
  sync_folder(unfinished.path);
  fs::remove_all(folder, error);  // the same step of a run that was resumed from before it
  fs::rename(unfinished.path, folder, error);
  if (error) throw IoError("[checkpoint] cannot rename to " + folder.string(), error.value());
  unfinished.kept = true;
  sync_folder(options.folder);
  std::vector<fs::path> all = whole_checkpoints(options);
  for (size_t i = 0; i + static_cast<size_t>(options.keep) < all.size(); ++i) fs::remove_all(all[i], error);
  return folder;
}

std::optional<Json> load_checkpoint(const CheckpointOptions& options, Trainer& trainer) {
  const std::vector<fs::path> all = whole_checkpoints(options);
  if (all.empty()) return std::nullopt;
  const fs::path& folder = all.back();
  const std::string file = (folder / kState).string();
  const Json state = parse_json_file(file);
  const Json identity = json_require<Json>(state, "identity", file);
  for (const auto& [key, value] : options.identity.items())
    if (!identity.contains(key) || identity.at(key) != value)
      throw FormatError(file, fmt::format("[checkpoint] of another run: {} is {}, this run's is {}", key,
                                          identity.contains(key) ? identity.at(key).dump() : "missing", value.dump()));
  read_pieces(folder / kWeights, weights_of(trainer.model()));
  read_pieces(folder / kMoments, moments_of(trainer));
  trainer.optimizer().set_steps(json_require<int64_t>(state, "step", file));
  trainer.batcher().set_place({.epoch = json_require<int64_t>(state, "epoch", file),
                               .sequence = json_require<int64_t>(state, "sequence", file)});
  return json_value<Json>(state, "notes", Json::object(), file);
}

}  // namespace slm
