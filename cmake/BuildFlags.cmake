# SPDX-License-Identifier: MIT
#
# Flags of our own code, as a target: nothing that leaks into dependencies.

# Not -Wnull-dereference: with optimisation GCC 12 sees null pointers in Asio and std::vector that are
# none. clang-tidy's analyzer looks for real ones.
add_library(ufl_build_flags INTERFACE)
target_compile_features(ufl_build_flags INTERFACE cxx_std_20)
# What the standard library asserts: an optional that is empty, an index beyond the end.
target_compile_definitions(ufl_build_flags INTERFACE _FILE_OFFSET_BITS=64
                                                     $<$<BOOL:${UFL_DEV}>:_GLIBCXX_ASSERTIONS>
                                                     $<$<BOOL:${UFL_ASSERTIONS}>:UFL_ASSERTIONS>)
target_compile_options(
  ufl_build_flags
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wcast-align
            -Wdouble-promotion
            -Wformat=2
            $<$<BOOL:${UFL_WERROR}>:-Werror>)

if(UFL_SANITIZE)
  target_compile_options(ufl_build_flags INTERFACE -fsanitize=${UFL_SANITIZE}
                                                   -fno-omit-frame-pointer)
  target_link_options(ufl_build_flags INTERFACE -fsanitize=${UFL_SANITIZE})
endif()

# What is installed starts for every run of a cron job: the dynamic linker is half of that time.
# Without glibc's static archive (Fedora: glibc-static) libstdc++ at least is linked statically, as
# Boost and fmt are anyway. Nothing of ufl needs NSS, iconv or dlopen(3), which a static glibc could
# not give it without surprises: tests/release/test_static.py.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -static)
check_cxx_source_compiles("int main() { return 0; }" UFL_LINKS_STATICALLY)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(UFL_STATIC)
  if(UFL_SANITIZE)
    message(FATAL_ERROR "Sanitizers are shared libraries: UFL_STATIC and UFL_SANITIZE exclude each other")
  endif()
  include(CheckIPOSupported)
  check_ipo_supported(RESULT UFL_HAS_IPO LANGUAGES CXX)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${UFL_HAS_IPO})
  string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  target_compile_options(ufl_build_flags INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(ufl_build_flags INTERFACE -Wl,--gc-sections)
  if(UFL_LINKS_STATICALLY)
    target_link_options(ufl_build_flags INTERFACE -static)
  else()
    target_link_options(ufl_build_flags INTERFACE -static-libstdc++ -static-libgcc)
  endif()
endif()

# Builds are slow (Boost headers): use ccache where it is installed.
find_program(UFL_CCACHE ccache)
if(UFL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${UFL_CCACHE})
endif()
