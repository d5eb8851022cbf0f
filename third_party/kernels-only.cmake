# SPDX-License-Identifier: Apache-2.0
# What core, kernels, quant and their tests need where there are no libraries of the target (SLM_KERNELS_ONLY): {fmt} by its
# headers, GoogleTest from Debian's source package googletest, OpenMP from the compiler.
find_package(OpenMP REQUIRED COMPONENTS CXX)

find_path(SLM_FMT_HEADERS fmt/format.h REQUIRED)
# By a link of its own, so that nothing else in that folder is found by a compiler for another machine.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/headers)
file(CREATE_LINK ${SLM_FMT_HEADERS}/fmt ${PROJECT_BINARY_DIR}/headers/fmt SYMBOLIC)
add_library(fmt::fmt INTERFACE IMPORTED GLOBAL)
target_include_directories(fmt::fmt SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/headers)
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)

if(SLM_TESTS)
  set(SLM_GOOGLETEST_SOURCE /usr/src/googletest CACHE PATH "GoogleTest's source tree")
  set(INSTALL_GTEST OFF CACHE BOOL "" FORCE)
  set(BUILD_GMOCK OFF CACHE BOOL "" FORCE)
  add_subdirectory(${SLM_GOOGLETEST_SOURCE} ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
endif()
