// SPDX-License-Identifier: Apache-2.0
// Grids: the norm for rounding and clipping (numerics N1), in three steps: find_params, encode, decode. GPTQ and learned scales
// replace the first. Three grids: symmetric value = d·code; integer zero point value = scale·(code − zero); float minimum value = d·code + m.
// In: one group of values (a channel, 32 consecutive weights, a token).  Out: parameters and codes.  Next: fake_quant.h.
#pragma once
// (owner of quant/: fill in)
