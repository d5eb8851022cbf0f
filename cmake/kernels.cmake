# SPDX-License-Identifier: Apache-2.0
# One translation unit per ISA: the suffix of a kernel file says its flags, and on which processors it is built.
set(SLM_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(SLM_ISA_FLAGS_avxvnni ${SLM_ISA_FLAGS_avx2} -mavxvnni)
set(SLM_ISA_FLAGS_avx512vnni -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
set(SLM_ISA_FLAGS_avx512bf16 ${SLM_ISA_FLAGS_avx512vnni} -mavx512bf16)
set(SLM_ISA_FLAGS_neon_dotprod -march=armv8.2-a+dotprod+fp16)
set(SLM_ISA_FLAGS_neon_i8mm -march=armv8.2-a+dotprod+fp16+i8mm)
set(SLM_ISAS_x86 avx2 avxvnni avx512vnni avx512bf16)
set(SLM_ISAS_arm neon_dotprod neon_i8mm)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(SLM_ISAS ${SLM_ISAS_x86})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(SLM_ISAS ${SLM_ISAS_arm})
endif()

# slm_select_kernels(list): drops the files of other processors and gives the rest their flags.
function(slm_select_kernels list)
  set(kept)
  foreach(file IN LISTS ${list})
    set(keep TRUE)
    foreach(isa IN LISTS SLM_ISAS_x86 SLM_ISAS_arm)
      if(file MATCHES "_${isa}\\.cpp$")
        if(isa IN_LIST SLM_ISAS)
          # Kernels never throw; told so, an unoptimised object has no weak reference to the exception personality.
          set(flags ${SLM_ISA_FLAGS_${isa}} -fno-exceptions)
          if(file MATCHES "(gemm_(q[48]|f32)|attention)_neon_")
            # GCC moves loads before the products, those of a whole group of weights too, which costs the sums their
            # registers (checks/neon_spills.cmake).
            list(APPEND flags $<$<CXX_COMPILER_ID:GNU>:-fno-schedule-insns>)
          endif()
          set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${flags}")
        else()
          set(keep FALSE)
        endif()
      endif()
    endforeach()
    if(keep)
      list(APPEND kept ${file})
    endif()
  endforeach()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()
