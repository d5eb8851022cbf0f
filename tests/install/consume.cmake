# SPDX-License-Identifier: Apache-2.0
# Installs the build into a folder of its own, builds the consumer against it, runs it on a tiny model, and compares the
# README.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

file(READ ${SOURCE}/tests/install/main.cpp example)
string(REGEX MATCH "// README example begins\n(.*)// README example ends" found "${example}")
if(NOT found)
  message(FATAL_ERROR "tests/install/main.cpp has no lines 'README example begins' and 'README example ends'")
endif()
set(wanted "${CMAKE_MATCH_1}")
file(READ ${SOURCE}/README.md readme)
string(FIND "${readme}" "${wanted}" place)
if(place EQUAL -1)
  message(FATAL_ERROR "README.md does not hold the example of tests/install/main.cpp as it is:\n${wanted}")
endif()

if(EXISTS ${BUILD}/slm-config.cmake)
  message(FATAL_ERROR "${BUILD} holds a package: find_package() would find it through PATH")
endif()

set(prefix ${BUILD}/install-test)
file(REMOVE_RECURSE ${prefix})
set(flags)
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=address,undefined)
endif()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix}/slm)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install -B ${prefix}/build -G Ninja -DCMAKE_PREFIX_PATH=${prefix}/slm
    -DCMAKE_CXX_COMPILER=${CXX} ${flags})
run(${CMAKE_COMMAND} --build ${prefix}/build)
run(${prefix}/build/consumer ${SOURCE}/tests/golden/data/tiny/qwen2_tied "the river rose")
