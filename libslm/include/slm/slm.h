// SPDX-License-Identifier: Apache-2.0
// All of libslm, in reading order: the folder list is the pipeline (docs/architecture.md).
#pragma once

// core: errors, tensors, threads
#include "slm/core/check.h"
#include "slm/core/dtype.h"
#include "slm/core/error.h"
#include "slm/core/parallel.h"
#include "slm/core/progress.h"
#include "slm/core/rng.h"
#include "slm/core/tensor.h"
// io: bytes ↔ named tensors
#include "slm/io/gguf.h"
#include "slm/io/safetensors.h"
// text: text ↔ ids
#include "slm/text/bpe_trainer.h"
#include "slm/text/chat_template.h"
#include "slm/text/shared_vocabulary.h"
#include "slm/text/stream_decoder.h"
#include "slm/text/tokenizer.h"
// data: text → batches to learn
#include "slm/data/batcher.h"
#include "slm/data/document.h"
#include "slm/data/packer.h"
// kernels, quant: numbers
#include "slm/kernels/isa.h"
#include "slm/quant/fake_quant.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/grid.h"
#include "slm/quant/pack.h"
#include "slm/quant/rows.h"
#include "slm/quant/scheme.h"
#include "slm/quant/weight_view.h"
// ops, autograd: gradients
#include "slm/autograd/operations.h"
#include "slm/autograd/tape.h"
#include "slm/ops/head_loss.h"
// model: config, weights, the one decoder
#include "slm/model/config.h"
#include "slm/model/decoder.h"
#include "slm/model/initialize.h"
#include "slm/model/load.h"
#include "slm/model/model_files.h"
#include "slm/model/tape_executor.h"
#include "slm/model/trainable_model.h"
// train: gradients → new weights
#include "slm/train/adamw.h"
#include "slm/train/checkpoint.h"
#include "slm/train/grad_clip.h"
#include "slm/train/lr_schedule.h"
#include "slm/train/memory_plan.h"
#include "slm/train/teacher.h"
#include "slm/train/trainer.h"
#include "slm/train/validation.h"
// export: model + quantizer + tokenizer → files
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"
// runtime: text in, text out
#include "slm/runtime/conversation.h"
#include "slm/runtime/generate.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
// eval: what it cost
#include "slm/eval/perplexity.h"
#include "slm/eval/task_score.h"
