# SPDX-License-Identifier: Apache-2.0
# Flags every target of the project shares.
#
# Options are aggregates called with designated initializers: a member left out is meant
# (-Wno-missing-field-initializers).
# -ffp-contract=off: an FMA appears only where a kernel says so; the same bits from every compiler (numerics N8).
add_library(slm_flags INTERFACE)
target_compile_options(slm_flags INTERFACE
  -ffp-contract=off -fno-fast-math
  -Wall -Wextra -Wno-missing-field-initializers -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Wold-style-cast
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # GCC 12 warns wrongly about operator+(const char*, string&&)
  $<$<BOOL:${SLM_WERROR}>:-Werror>)
if(SLM_SANITIZE)
  target_compile_options(slm_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(slm_flags INTERFACE -fsanitize=address,undefined)
endif()
