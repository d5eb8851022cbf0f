# SPDX-License-Identifier: Apache-2.0
# Who may include whom: SLM_USES_<stage> lists what a stage may include directly; what those may, it may too.
set(SLM_STAGES core io text data kernels quant ops autograd model train export runtime eval)
if(SLM_KERNELS_ONLY)
  set(SLM_STAGES core kernels quant)
endif()
set(SLM_USES_core)
set(SLM_USES_io core)
set(SLM_USES_text io)
set(SLM_USES_data text)
set(SLM_USES_kernels core)
set(SLM_USES_quant kernels)
set(SLM_USES_ops quant)
set(SLM_USES_autograd ops)
set(SLM_USES_model autograd io)
set(SLM_USES_export model quant text io)
set(SLM_USES_train model data io)
set(SLM_USES_runtime model text io)
set(SLM_USES_eval runtime)

# Whose sources read or write JSON files (slm/io/json.h): no other stage sees that library.
set(SLM_JSON_STAGES io text data model train export eval)

# slm_layer_closure(out stage): the stage and everything it may include.
function(slm_layer_closure out stage)
  set(result ${stage})
  foreach(used IN LISTS SLM_USES_${stage})
    slm_layer_closure(below ${used})
    list(APPEND result ${below})
  endforeach()
  list(REMOVE_DUPLICATES result)
  set(${out} ${result} PARENT_SCOPE)
endfunction()
