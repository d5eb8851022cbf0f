// SPDX-License-Identifier: Apache-2.0
// ShippingExecutor: the tape's decoder that looks, at every linear, at what the shipped model would do with the same
// input: the packed weights must be the fake-quantized ones, the codes of the input the tape's, the output the tape's
// too, all bit for bit, and that within the bound of a float sum of x̂·Ŵ (numerics N4). The decoder text itself runs it
// (model/decoder.h).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "slm/autograd/operations.h"
#include "slm/kernels/vec/variants.h"
#include "slm/model/load.h"
#include "slm/model/tape_executor.h"
#include "slm/ops/linear.h"
#include "slm/quant/rows.h"
#include "tests/support/bounds.h"

namespace slm::test {

class ShippingExecutor : public TapeExecutor {
 public:
  /// `trained` and `shipped` are one model; `every` rows of each output one is compared.
  ShippingExecutor(const TrainableModel& trained, const Model& shipped, Tape& tape, int64_t every = 1)
      : TapeExecutor(trained.config(), tape), every_(every) {
    const TrainedWeights& a = trained.weights();
    const RuntimeWeights& b = shipped.weights;
    for (size_t i = 0; i < a.blocks.size(); ++i) {
      packed_[a.blocks[i].qkv.weights[0]] = &b.blocks[i].qkv;
      packed_[a.blocks[i].attention_output.weights[0]] = &b.blocks[i].attention_output;
      packed_[a.blocks[i].gate_up.weights[0]] = &b.blocks[i].gate_up;
      packed_[a.blocks[i].down.weights[0]] = &b.blocks[i].down;
    }
    head_ = &b.head_table();
  }

  std::vector<Variable> linears(Rows x, const TrainedLinears& group) {
    const std::vector<Variable> parts = TapeExecutor::linears(x, group);
    const PackedLinears& packed = *packed_.at(group.weights[0]);
    const Parameter& first = *group.weights[0];
    if (packed.matrices.size() != 1) throw ArgumentError("[shipping] several matrices: " + first.name);
    std::vector<ConstMatrixView> outputs;
    std::vector<const Parameter*> weights(group.weights.begin(), group.weights.end());
    for (const Variable& part : parts) outputs.push_back(part.value());
    compare(x.value(), packed.inputs[0], packed.matrices[0], packed.bias, weights, group.biases, outputs);
    return parts;
  }

  Variable swiglu(Rows x, const TrainedLinears& gate_up) {
    const std::vector<Variable> parts = linears(x, gate_up);
    return autograd::swiglu(context(), parts[0], parts[1]);
  }

  Variable logits(Rows x, const Table& table) {
    const Variable y = TapeExecutor::logits(x, table);
    compare(x.value(), {}, *head_, {}, {table}, {}, {y.value()});
    return y;
  }

  int64_t groups() const { return groups_; }  ///< of linears that share an input
  int64_t compared() const { return compared_; }
  double worst() const { return worst_; }  ///< largest difference from x̂·Ŵ, as a share of its bound

 private:
  /// Ŵ of the shipped model, all rows.
  static std::vector<float> values_of(const PackedMatrix& packed) {
    std::vector<float> values(static_cast<size_t>(packed.n() * packed.k()));
    std::vector<std::byte> scratch(row_bytes(packed.scheme(), packed.k()));
    for (int64_t r = 0; r < packed.n(); ++r)
      packed.decode_row(
          r, scratch, std::span(values).subspan(static_cast<size_t>(r * packed.k()), static_cast<size_t>(packed.k())));
    return values;
  }

  void compare(ConstMatrixView x, const std::optional<GridParams>& input, const PackedMatrix& packed,
               std::span<const float> bias, const std::vector<const Parameter*>& weights,
               const std::vector<const Parameter*>& biases, const std::vector<ConstMatrixView>& outputs) {
    ++groups_;
    const std::string& name = weights[0]->name;
    const int64_t k = packed.k(), n = packed.n();
    // The weights.
    const std::vector<float> shipped = values_of(packed);
    std::vector<float> trained;
    for (const Parameter* weight : weights) {
      std::vector<float> values(weight->value.size());
      view(*weight)->read(0, weight->shape[0], 0, k, values);
      trained.insert(trained.end(), values.begin(), values.end());
    }
    ASSERT_EQ(shipped, trained) << name;
    // The codes of the input.
    LinearInput rows(kernels::select(kernels::vec_variants()), x.rows, k);
    rows.set(x);
    const ActivationScheme activations = info(packed.scheme()).activations;
    const bool quantized = activations != ActivationScheme::F32;
    const ConstMatrixView seen = weights[0]->scheme ? tape_input(x, input, *weights[0]).value() : x;
    double shift = 0.0;  // what a zero point adds to each value, and its correction takes away
    if (quantized) {
      const QuantizedRows& codes = input ? rows.quantized(activations, *input) : rows.quantized(activations);
      const int64_t group = activations == ActivationScheme::A8G32 ? 32 : k;
      const int32_t zero = input ? input->zero : 0;
      if (input) shift = 2.0 * std::fabs(static_cast<double>(input->scale) * zero);
      for (int64_t r = 0; r < x.rows; ++r)
        for (int64_t j = 0; j < k; ++j)
          ASSERT_EQ(codes.scales[(r * k + j) / group] * static_cast<float>(codes.codes[r * k + j] - zero),
                    seen.row(r)[j])
              << name << " row " << r << " input " << j;
    }
    // The output.
    std::vector<float> y(static_cast<size_t>(x.rows * n));
    linear_into(rows, packed, bias, {y.data(), x.rows, n, n}, quantized ? input : std::nullopt);
    for (int64_t r = 0; r < x.rows; ++r)
      for (int64_t c = r % every_, part = 0, first = 0; c < n; c += every_) {
        while (c >= first + outputs[static_cast<size_t>(part)].columns)
          first += outputs[static_cast<size_t>(part++)].columns;
        const auto at = static_cast<size_t>(part);
        const float found = y[static_cast<size_t>(r * n + c)];
        ASSERT_EQ(found, outputs[at].row(r)[c - first]) << name << " row " << r << " output " << c;
        double sum = biases.empty() ? 0.0 : static_cast<double>(biases[at]->value[static_cast<size_t>(c - first)]),
               magnitude = std::fabs(sum);
        for (int64_t j = 0; j < k; ++j) {
          const auto value = static_cast<double>(seen.row(r)[j]),
                     weight = static_cast<double>(trained[static_cast<size_t>(c * k + j)]);
          sum += value * weight;
          magnitude += (std::fabs(value) + shift) * std::fabs(weight);
        }
        const double difference = std::fabs(static_cast<double>(found) - sum), bound = bounds::dot(k, magnitude, 4);
        ASSERT_LE(difference, bound) << name << " row " << r << " output " << c;
        worst_ = std::max(worst_, difference / bound);
        ++compared_;
      }
  }
  Variable tape_input(ConstMatrixView x, const std::optional<GridParams>& input, const Parameter& weight) {
    const Variable copy = context().tape.variable(x.rows, x.columns);
    for (int64_t r = 0; r < x.rows; ++r) std::copy(x.row(r), x.row(r) + x.columns, copy.value().row(r));
    return input ? autograd::fake_quantized(context(), copy, *input) : linear_input(copy, weight).values;
  }

  std::map<const Parameter*, const PackedLinears*> packed_;
  const PackedMatrix* head_ = nullptr;
  const int64_t every_;
  int64_t groups_ = 0, compared_ = 0;
  double worst_ = 0.0;
};

}  // namespace slm::test
