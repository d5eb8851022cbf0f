// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/identity.h"

#include "cli/model_options.h"
#include "cli/weights_hash.h"
#include "slm/io/json.h"

namespace slm {

RunIdentity identity_of(const TrainOptions& o, const TrainerOptions& t, uint64_t seed, const TrainingText& text,
                        const ModelFiles& student, const ModelFiles* teacher) {
  const bool is_default = !o.activations || o.activations == name(info(*plan_of(o).weights).activations);
  const Json values = {{"mode", o.mode},
                       {"student_sha256", model_sha256(student)},
                       {"teacher_sha256", teacher ? model_sha256(*teacher) : ""},
                       {"teacher_weights", weights_name(teacher_plan_of(o))},
                       {"training text", text.fingerprint},
                       {"validation text", fingerprint(text.valid)},
                       {"scheme", o.scheme},
                       {"activations", is_default ? "auto" : *o.activations},
                       {"activation_delay", t.static_inputs ? t.static_inputs->delay : 0},
                       {"activation_decay", t.static_inputs ? t.static_inputs->decay : 0.0},
                       {"keep_fp", o.keep_fp},
                       {"freeze", o.freeze},
                       {"dither", o.dither ? Json(*o.dither) : Json()},
                       {"steps", o.steps},
                       {"batch", o.batch},
                       {"sequence", o.sequence},
                       {"accumulate", o.accumulate},
                       {"qat_start", o.qat_start},
                       {"learning_rate", o.learning_rate},
                       {"schedule", o.schedule},
                       {"warmup", t.schedule.warmup},
                       {"weight_decay", o.weight_decay},
                       {"clip", o.clip},
                       {"kd_weight", t.loss.kd_weight},
                       {"temperature", t.loss.temperature},
                       {"teacher_top_k", t.loss.kd_top_k},
                       {"shared_vocabulary", t.loss.kd_vocab},
                       {"seed", seed}};
  RunIdentity identity;
  for (const auto& [key, value] : values.items()) identity[key] = value.dump();
  if (o.compute != "f32") identity["compute"] = o.compute;  // runs from before there was a choice go on
  return identity;
}

}  // namespace slm
