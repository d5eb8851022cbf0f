// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/head_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/ops/cross_entropy.h"
#include "slm/ops/kl_div.h"

namespace slm {
namespace {

void check(const WeightView& table, ConstMatrixView x, std::span<const int32_t> labels, const TeacherLogits& teacher,
           const HeadLossOptions& o, ConstMatrixView dx, ConstMatrixView dw) {
  SLM_CHECK(x.rows > 0 && x.columns == table.k() && std::ssize(labels) == x.rows,
            "[head_loss] x is ({},{}), the table is ({},{}), there are {} labels", x.rows, x.columns, table.n(),
            table.k(), labels.size());
  SLM_CHECK(dx.data == nullptr || (dx.rows == x.rows && dx.columns == x.columns),
            "[head_loss] dx is ({},{}), x is ({},{})", dx.rows, dx.columns, x.rows, x.columns);
  SLM_CHECK(dw.data == nullptr || (dw.rows == table.n() && dw.columns == table.k()),
            "[head_loss] dw is ({},{}), the table is ({},{})", dw.rows, dw.columns, table.n(), table.k());
  o.check(table.n());
  SLM_CHECK(o.kd_weight == 0 || teacher, "[head_loss] weight {} of the distillation loss without a teacher",
            o.kd_weight);
}

}  // namespace

void HeadLossOptions::check(int64_t vocab) const {
  SLM_CHECK(kd_weight >= 0 && kd_weight <= 1, "[head_loss] weight {} of the distillation loss, expected 0 to 1",
            kd_weight);
  SLM_CHECK(temperature > 0 && std::isfinite(temperature), "[head_loss] temperature {}, expected more than 0",
            temperature);
  SLM_CHECK(kd_vocab >= 0 && kd_top_k >= 0, "[head_loss] {} ids compared, {} told apart, expected 0 (all) or more",
            kd_vocab, kd_top_k);
  SLM_CHECK(kd_vocab <= vocab, "[head_loss] {} ids compared, the vocabulary has {}", kd_vocab, vocab);
  const int64_t compared = kd_vocab == 0 ? vocab : kd_vocab;
  SLM_CHECK(kd_top_k <= compared, "[head_loss] the {} likeliest ids told apart, expected at most the {} compared",
            kd_top_k, compared);
  SLM_CHECK(chunk_rows > 0, "[head_loss] chunks of {} rows, expected at least 1", chunk_rows);
}

double HeadLoss::mean(const HeadLossOptions& options) const {
  if (rows == 0) return 0.0;
  const double squared = options.temperature * options.temperature;
  return ((1.0 - options.kd_weight) * cross_entropy + options.kd_weight * squared * kl) / static_cast<double>(rows);
}

HeadLoss head_loss_grad(GemmScratch& scratch, AlignedBuffer& logits_buffer, const kernels::VecVariant& vec,
                        const WeightView& table, const TrainInput& input, std::span<const int32_t> labels,
                        const TeacherLogits& teacher, const HeadLossOptions& o, double scale, MatrixView dx,
                        MatrixView dw) {
  const ConstMatrixView x = input.values;
  check(table, x, labels, teacher, o, dx, dw);
  const int64_t vocab = table.n(), chunk = std::min(o.chunk_rows, x.rows);
  const auto width = static_cast<size_t>(vocab);
  const auto compared = static_cast<size_t>(o.kd_vocab == 0 ? vocab : o.kd_vocab);
  const size_t chunk_bytes = static_cast<size_t>(chunk) * width * sizeof(float);
  if (logits_buffer.size() < chunk_bytes) logits_buffer = AlignedBuffer(chunk_bytes);

  std::vector<double> cross_entropies(static_cast<size_t>(x.rows)), kls(static_cast<size_t>(x.rows));
  for (int64_t begin = 0; begin < x.rows; begin += chunk) {
    const int64_t end = std::min(begin + chunk, x.rows);
    const MatrixView logits{logits_buffer.as<float>(), end - begin, vocab, vocab};
    linear_into(scratch, table, input.row_range(begin, end), {}, logits);
    ConstMatrixView of_teacher{};
    if (o.kd_weight > 0) {
      of_teacher = teacher(begin, end);
      SLM_CHECK(of_teacher.rows == logits.rows && of_teacher.columns >= static_cast<int64_t>(compared),
                "[head_loss] the teacher's logits are ({},{}), expected {} rows of at least {}", of_teacher.rows,
                of_teacher.columns, logits.rows, compared);
    }
    // Each row's logits become its gradient.
    parallel_for(logits.rows, 1, [&](int64_t first, int64_t last, int) {
      std::vector<float> gradient(width);
      std::vector<int32_t> order;
      for (int64_t r = first; r < last; ++r) {
        const auto row = static_cast<size_t>(begin + r);
        const std::span<float> z(logits.row(r), width);
        std::fill(gradient.begin(), gradient.end(), 0.0f);
        cross_entropies[row] = o.kd_weight < 1
                                   ? cross_entropy_grad(vec, z, labels[row], scale * (1 - o.kd_weight), gradient)
                                   : cross_entropy(vec, z, labels[row]);
        const std::span<float> dz = std::span(gradient).first(compared);
        if (o.kd_weight > 0 && o.kd_top_k > 0)
          kls[row] = kl_div_top_k_grad(vec, {of_teacher.row(r), compared}, z.first(compared), o.kd_top_k, o.temperature,
                                       scale * o.kd_weight, order, dz);
        else if (o.kd_weight > 0)
          kls[row] = kl_div_grad(vec, {of_teacher.row(r), compared}, z.first(compared), o.temperature,
                                 scale * o.kd_weight, dz);
        std::copy(gradient.begin(), gradient.end(), z.begin());
      }
    });
    if (dx.data != nullptr) linear_grad_x(scratch, table, logits, dx.row_range(begin, end));
    if (dw.data != nullptr) linear_grad_w(scratch, logits, x.row_range(begin, end), dw);
  }
  HeadLoss loss{.rows = x.rows};
  for (const double value : cross_entropies) loss.cross_entropy += value;
  for (const double value : kls) loss.kl += value;
  return loss;
}

}  // namespace slm
