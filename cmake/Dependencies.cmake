# SPDX-License-Identifier: MIT
#
# Everything comes from the distribution: .ci/setup installs it.

# Boost.JSON is linked statically, the rest of Boost is headers.
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS json)
find_package(CLI11 2.1 CONFIG REQUIRED)
find_package(fmt 9 CONFIG REQUIRED)
find_package(Threads REQUIRED)
# Debian has no static library of fmt.
set(UFL_FMT $<IF:$<BOOL:${UFL_STATIC}>,fmt::fmt-header-only,fmt::fmt>)
if(UFL_DEV)
  find_package(GTest 1.12 REQUIRED)
  find_package(Python3 3.11 COMPONENTS Interpreter REQUIRED)
endif()
