// SPDX-License-Identifier: Apache-2.0
#include "end_to_end_bench/measure.h"

#include <algorithm>

#include "cli/model_options.h"
#include "cli/terminal.h"
#include "slm/core/rng.h"
#include "slm/core/stopwatch.h"
#include "slm/runtime/session.h"

namespace slm {
namespace {

/// Seconds to read `ids`, all at once or one by one.
double time_append(Session& session, std::span<const int32_t> ids, size_t step) {
  const Stopwatch watch;
  for (size_t i = 0; i < ids.size(); i += step) {
    EndOnSignal::check();
    session.append(ids.subspan(i, std::min(step, ids.size() - i)));
  }
  return watch.seconds();
}

/// Sorts; median, least and largest of the rounds.
JsonDocument spread(std::vector<double>& rates) {
  std::sort(rates.begin(), rates.end());
  const double middle = (rates[(rates.size() - 1) / 2] + rates[rates.size() / 2]) / 2;
  return {{"median", middle}, {"min", rates.front()}, {"max", rates.back()}};
}

}  // namespace

JsonDocument measure(const BenchOptions& o, const std::string& weights, const Program& program) {
  reset_peak_rss();
  const double load_begin = program.elapsed_seconds();
  const auto model = load_model_showing(o.model, {.plan = parse_weights(weights)});
  const double load_seconds = program.elapsed_seconds() - load_begin;
  Session session(model, {.context = std::max({o.prefill, o.decode + o.depth, int64_t{1}}), .kv = o.kv});

  Rng rng(program.seed());
  std::vector<int32_t> ids(static_cast<size_t>(session.context()));
  for (int32_t& id : ids) id = static_cast<int32_t>(rng.below(static_cast<uint64_t>(model->config.vocab)));
  const auto prompt = std::span(ids).first(static_cast<size_t>(o.prefill));
  const auto before = std::span(ids).first(static_cast<size_t>(o.depth));
  const auto decoded = std::span(ids).subspan(before.size(), static_cast<size_t>(o.decode));

  std::vector<double> prefill_rates, decode_rates;
  ProgressLine line(weights);
  for (int64_t round = 0; round <= o.rounds; ++round) {  // round 0 warms up
    session.truncate(0);
    const double prefill_seconds = time_append(session, prompt, ids.size());
    session.truncate(0);
    time_append(session, before, ids.size());
    const double decode_seconds = time_append(session, decoded, 1);
    line.callback()({"rounds", static_cast<uint64_t>(round + 1), static_cast<uint64_t>(o.rounds + 1)});
    if (round == 0) continue;
    prefill_rates.push_back(static_cast<double>(o.prefill) / prefill_seconds);
    decode_rates.push_back(static_cast<double>(o.decode) / decode_seconds);
  }
  JsonDocument result = {{"weights", weights}, {"prefill", o.prefill}, {"decode", o.decode}, {"depth", o.depth}};
  const JsonDocument prefill = o.prefill > 0 ? spread(prefill_rates) : JsonDocument();
  const JsonDocument decode = o.decode > 0 ? spread(decode_rates) : JsonDocument();
  result["prefill_tokens_per_second"] = o.prefill > 0 ? prefill["median"] : JsonDocument();
  result["decode_tokens_per_second"] = o.decode > 0 ? decode["median"] : JsonDocument();
  result["spread"] = {{"prefill_tokens_per_second", prefill}, {"decode_tokens_per_second", decode}};
  result["load_seconds"] = load_seconds;
  result["packed_bytes"] = model->packed_bytes;
  result["kv_bytes"] = session.kv_bytes();
  result["peak_rss_bytes"] = peak_rss_bytes();
  return result;
}

}  // namespace slm
