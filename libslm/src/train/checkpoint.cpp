// SPDX-License-Identifier: Apache-2.0
#include "slm/train/checkpoint.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <map>

#include "slm/core/check.h"
#include "slm/core/finite.h"
#include "slm/io/atomic_file.h"
#include "slm/io/json.h"
#include "slm/io/safetensors.h"
#include "slm/io/sha256.h"
#include "train/checkpoint_sums.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStep = "step-";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kMoments = "moments.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kTemporary = ".unfinished";
constexpr const char* kReplaced = ".replaced";
constexpr const char* kDoomed = ".old.unfinished";  // on its way out

fs::path folder_of(const CheckpointOptions& options, int64_t step) {
  return options.folder / fmt::format("{}{:08}", kStep, step);
}

/// What follows the digits in the name of a checkpoint; nothing where the name is none of this file's making.
std::optional<std::string> suffix_of(const std::string& name) {
  if (!name.starts_with(kStep)) return std::nullopt;
  const size_t end = std::min(name.find_first_not_of("0123456789", kStep.size()), name.size());
  const std::string suffix = name.substr(end);
  const bool ours = suffix.empty() || suffix == kReplaced || suffix == kTemporary || suffix == kDoomed;
  return end > kStep.size() && ours ? std::optional(suffix) : std::nullopt;
}

/// One that is being replaced by another of its step counts until that one is there.
bool is_whole(const fs::path& checkpoint, const std::string& suffix) {
  std::error_code error;
  if (suffix == kReplaced) return !fs::exists(fs::path(checkpoint).replace_extension(), error);
  return suffix.empty();
}

/// Whole checkpoints, or what is left of others, oldest first. What else lies there is its owner's.
std::vector<fs::path> checkpoints(const CheckpointOptions& options, bool whole) {
  std::vector<fs::path> found;
  std::error_code error, ignored;
  for (const auto& entry : fs::directory_iterator(options.folder, error)) {
    const std::optional<std::string> suffix = suffix_of(entry.path().filename().string());
    if (suffix && entry.is_directory(ignored) && is_whole(entry.path(), *suffix) == whole)
      found.push_back(entry.path());
  }
  if (error && error.value() != ENOENT) throw IoError("[checkpoint] " + options.folder.string(), error.value());
  std::ranges::sort(found);
  return found;
}
std::vector<fs::path> whole_checkpoints(const CheckpointOptions& options) { return checkpoints(options, true); }

/// Under a name that counts as unfinished first: what is half removed is no checkpoint.
void remove_checkpoint(const fs::path& folder) {
  std::error_code error;
  const fs::path doomed = folder.string() + kDoomed;
  fs::remove_all(doomed, error);
  fs::rename(folder, doomed, error);
  fs::remove_all(doomed, error);
}

void remove_unfinished(const CheckpointOptions& options) {
  std::error_code ignored;
  for (const fs::path& path : checkpoints(options, false)) fs::remove_all(path, ignored);
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

/// What is wrong with a piece that holds a value no run can go on from.
std::optional<std::string> not_finite(const Piece& piece) {
  const auto bad = std::ranges::find_if(piece.values, [](float x) { return !std::isfinite(x); });
  if (bad == piece.values.end()) return std::nullopt;
  return fmt::format("[checkpoint] a value of {} is {}, expected a finite one", piece.name, *bad);
}

/// Returns the file's line of sha256sums, of what was meant to be written.
std::string write_pieces(const fs::path& folder, const char* name, const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces)
    if (const auto wrong = not_finite(piece)) throw NotFiniteError(*wrong);
  std::vector<SafetensorsEntry> entries;
  for (const Piece& piece : pieces) entries.push_back({piece.name, Dtype::F32, piece.shape});
  Sha256 hash;
  AtomicFile file(folder / name, &hash);
  write_safetensors(file, entries, {}, [&](size_t i, const ByteSink& sink) { sink(std::as_bytes(pieces[i].values)); });
  file.commit();
  return sum_line(hash, name);
}

std::string write_state(const fs::path& folder, const Json& state) {
  Sha256 hash;
  AtomicFile file(folder / kState, &hash);
  const std::string text = state.dump(1) + "\n";
  file.write(text.data(), text.size());
  file.commit();
  return sum_line(hash, kState);
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
    it->second.take(std::as_writable_bytes(piece.values));
    if (const auto wrong = not_finite(piece)) throw FormatError(file.string(), *wrong);
  }
}

/// Ranges of static inputs: numbers that come back as they were.
Json ranges_of(const InputObservers& observers) {
  Json ranges = Json::object();
  for (const auto& [name, observer] : observers)
    ranges[name] = {observer.state().least, observer.state().largest, observer.state().weight};
  return ranges;
}
void set_ranges(const Json& state, const std::string& file, Trainer& trainer) {
  InputObservers& observers = trainer.observers();
  observers.clear();
  const Json ranges = json_require<Json>(state, "input_ranges", file);
  for (const auto& [name, value] : ranges.items()) {
    const auto numbers = json_require<std::vector<double>>(ranges, name.c_str(), file);
    if (numbers.size() != 3)
      throw FormatError(file,
                        fmt::format("[checkpoint] {} numbers for the range of {}, expected 3", numbers.size(), name));
    const double least = numbers[0], largest = numbers[1], weight = numbers[2];
    if (!(std::isfinite(largest - least) && least <= largest && weight > 0 && std::isfinite(weight)))
      throw FormatError(
          file, fmt::format("[checkpoint] the range of {} is from {} to {}, weight {}, expected one to go on from",
                            name, least, largest, weight));
    if (std::ranges::find(trainer.model().parameters(), name, &Parameter::name) == trainer.model().parameters().end())
      throw FormatError(file, fmt::format("[checkpoint] a range of {}, which this model has not", name));
    observers.emplace(name, RangeObserver(trainer.options().static_inputs->decay, {least, largest, weight}));
  }
}

RunIdentity identity_in(const Json& state, const std::string& file) {
  RunIdentity identity;
  const Json object = json_require<Json>(state, "identity", file);
  for (const auto& [name, value] : object.items())
    identity[name] = json_require<std::string>(object, name.c_str(), file);
  return identity;
}

/// Throws FormatError where it is damaged or of another run.
Json read_state(const fs::path& folder, const CheckpointOptions& options) {
  const std::string file = (folder / kState).string();
  check_sums(folder, std::array{kState}, {});
  Json state = parse_json_file(file);
  const RunIdentity identity = identity_in(state, file);
  for (const auto& [key, value] : options.identity) {
    const auto it = identity.find(key);
    if (it == identity.end() || it->second != value)
      throw FormatError(file, fmt::format("[checkpoint] of another run: {} is {}, this run's is {}", key,
                                          it == identity.end() ? "missing" : it->second, value));
  }
  for (const auto& [key, value] : identity)
    if (!options.identity.contains(key))
      throw FormatError(file, fmt::format("[checkpoint] of another run: {} is {}, this run has none", key, value));
  return state;
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

}  // namespace

std::vector<int64_t> checkpoint_steps(const CheckpointOptions& options) {
  std::vector<int64_t> steps;
  for (const fs::path& path : whole_checkpoints(options))
    steps.push_back(std::atoll(path.filename().c_str() + kStep.size()));
  return steps;
}

fs::path save_checkpoint(const CheckpointOptions& options, Trainer& trainer, const Measurements& measured) {
  const fs::path folder = folder_of(options, trainer.steps_done());
  UnfinishedFolder unfinished{.path = folder.string() + kTemporary};
  std::error_code error;
  remove_unfinished(options);
  fs::create_directories(unfinished.path, error);
  if (error) throw IoError("[checkpoint] cannot make " + unfinished.path.string(), error.value());
  std::string sums = write_pieces(unfinished.path, kWeights, weights_of(trainer.model()));
  sums += write_pieces(unfinished.path, kMoments, moments_of(trainer));
  const BatcherPlace place = trainer.batcher().place();
  const Json state = {{"step", trainer.steps_done()}, {"epoch", place.epoch},
                      {"sequence", place.sequence},   {"input_ranges", ranges_of(trainer.observers())},
                      {"measured", measured},         {"identity", options.identity}};
  sums += write_state(unfinished.path, state);
  write_file(unfinished.path / kCheckpointSums, sums);
  sync_folder(unfinished.path);
  const fs::path replaced = folder.string() + kReplaced;  // the same step of a run that this one takes the place of
  if (fs::exists(folder, error)) fs::rename(folder, replaced, error);
  if (!error) fs::rename(unfinished.path, folder, error);
  if (error) throw IoError("[checkpoint] cannot rename to " + folder.string(), error.value());
  unfinished.kept = true;
  fs::remove_all(replaced, error);
  sync_folder(options.folder);
  std::vector<fs::path> all = whole_checkpoints(options);
  for (; all.back() != folder; all.pop_back()) remove_checkpoint(all.back());
  return folder;
}

void remove_oldest_checkpoints(const CheckpointOptions& options) {
  const std::vector<fs::path> all = whole_checkpoints(options);
  for (size_t i = 0; i + static_cast<size_t>(options.keep) < all.size(); ++i) remove_checkpoint(all[i]);
}

void check_checkpoint(const CheckpointOptions& options, const Progress& progress) {
  const std::vector<fs::path> all = whole_checkpoints(options);
  if (all.empty()) return;
  read_state(all.back(), options);
  check_sums(all.back(), std::array{kWeights, kMoments}, progress);
}

Measurements measured_at_checkpoint(const CheckpointOptions& options) {
  const std::vector<fs::path> all = whole_checkpoints(options);
  if (all.empty()) return {};
  const std::string file = (all.back() / kState).string();
  const Json object = json_value<Json>(read_state(all.back(), options), "measured", Json::object(), file);
  Measurements measured;
  for (const auto& [name, value] : object.items()) measured[name] = json_require<double>(object, name.c_str(), file);
  return measured;
}

bool load_checkpoint(const CheckpointOptions& options, Trainer& trainer, const Progress& progress) {
  const std::vector<fs::path> all = whole_checkpoints(options);
  if (all.empty()) return false;
  const fs::path& folder = all.back();
  const std::string file = (folder / kState).string();
  const Json state = read_state(folder, options);
  check_sums(folder, std::array{kWeights, kMoments}, progress);
  read_pieces(folder / kWeights, weights_of(trainer.model()));
  read_pieces(folder / kMoments, moments_of(trainer));
  if (trainer.options().static_inputs) set_ranges(state, file, trainer);
  trainer.optimizer().set_steps(json_require<int64_t>(state, "step", file));
  trainer.batcher().set_place({.epoch = json_require<int64_t>(state, "epoch", file),
                               .sequence = json_require<int64_t>(state, "sequence", file)});
  return true;
}

}  // namespace slm
