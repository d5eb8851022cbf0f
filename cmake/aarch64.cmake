# SPDX-License-Identifier: Apache-2.0
# Toolchain: Arm 64 with Debian's g++-aarch64-linux-gnu; tests run under qemu-user-static.
# Debian has no Arm libraries beside an x86 system, so this builds what needs none: core, kernels, quant (SLM_KERNELS_ONLY).
#   cmake --preset aarch64 && cmake --build --preset aarch64 && ctest --preset aarch64
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# cpu max has the dot product and half precision extensions.
find_program(SLM_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(SLM_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${SLM_QEMU} -cpu max -L /usr/aarch64-linux-gnu)
endif()
