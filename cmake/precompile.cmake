# SPDX-License-Identifier: Apache-2.0
# slm_precompile(owner targets header...): the headers are parsed once, for `owner`; the targets, which must compile with
# the same flags, use what it made. Every source still includes what it needs: the presets
# debug and asan build without, and there with the warnings silenced below.
function(slm_precompile owner targets)
  if(NOT SLM_PCH)
    return()
  endif()
  target_precompile_headers(${owner} PRIVATE ${ARGN})
  # GCC forgets which of these headers are the system's, and warns of what its optimiser cannot prove about them.
  set(quiet -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized)
  foreach(target IN LISTS owner targets)
    target_compile_options(${target} PRIVATE "$<$<CXX_COMPILER_ID:GNU>:${quiet}>")
  endforeach()
  foreach(target IN LISTS targets)
    if(NOT target STREQUAL owner)
      target_precompile_headers(${target} REUSE_FROM ${owner})
    endif()
  endforeach()
endfunction()
