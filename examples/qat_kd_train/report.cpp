// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/report.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/terminal.h"

namespace slm {

double Outcome::tokens_per_second() const {
  return run.seconds > 0 ? static_cast<double>(run.tokens) / run.seconds : 0.0;
}

void tell_outcome(const Outcome& done) {
  if (!std::isfinite(done.after))
    throw DivergedError(fmt::format("[train] the perplexity of {} is {}, expected a finite one: the run diverged",
                                    done.shipped.gguf, done.after));
  if (done.after > done.before)
    tell("warning: the packed model is worse than before training: perplexity {:.4f} → {:.4f}\n", done.before,
         done.after);
  tell("{:.1f} tok/s, teacher {:.0f} % of a step, peak memory {}\n", done.tokens_per_second(),
       done.run.seconds > 0 ? 100 * done.run.teacher_seconds / done.run.seconds : 0.0, megabytes(peak_rss_bytes()));
}

JsonDocument as_json(const TrainOptions& o, const Outcome& done, double seconds) {
  return {{"mode", o.mode},
          {"scheme", o.scheme},
          {"steps", o.steps},
          {"shipped_step", done.run.shipped_step},
          {"loss", or_null(done.run.loss)},
          {"tokens", done.run.tokens},
          {"tokens_per_second", done.tokens_per_second()},
          {"peak_rss_bytes", peak_rss_bytes()},
          {"planned_bytes", done.planned_bytes},
          {"planned_disk_bytes", done.planned_disk_bytes},
          {"perplexity_before", done.before},
          {"perplexity_after", done.after},
          {"gguf", done.shipped.gguf},
          {"folder", done.shipped.folder},
          {"seconds", seconds}};
}

std::string as_text(const TrainOptions& o, const Outcome& done) {
  return fmt::format(
      "{} {}: loss {} over the last steps, perplexity of the packed model of step {} {:.4f} → {:.4f}\n{}\n{}\n", o.mode,
      o.scheme, done.run.loss ? fmt::format("{:.4f}", *done.run.loss) : "–", done.run.shipped_step, done.before,
      done.after, done.shipped.gguf, done.shipped.folder);
}

}  // namespace slm
