// SPDX-License-Identifier: Apache-2.0
// SLM_ISA_ROW marks a function of an instruction-set translation unit that runs on every processor: it only fills a row
// of a variant table. Without it the compiler may fill the struct with the very instructions the table guards.
#pragma once

#if defined(__x86_64__)
#define SLM_ISA_ROW __attribute__((target("general-regs-only")))
#else
// Arm's extensions add no instruction that fills a struct, and GCC 12 cannot inline across this target.
#define SLM_ISA_ROW
#endif
