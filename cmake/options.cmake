# SPDX-License-Identifier: Apache-2.0
# What is built. Everything but the library itself is on only when libslm is the top-level project.
option(SLM_EXAMPLES "Build the programs in examples/" ${PROJECT_IS_TOP_LEVEL})
option(SLM_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(SLM_BENCH "Build the microbenchmarks" OFF)
option(SLM_INSTALL "Generate the install rules" ${PROJECT_IS_TOP_LEVEL})
option(SLM_WERROR "Treat warnings as errors (on in the presets)" OFF)
option(SLM_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
