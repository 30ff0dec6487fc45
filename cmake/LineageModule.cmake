# lineage_module(ops DEPS kernels [LINK lib...] [EXCLUDE file...] [APART] [FAST])
#
# One call makes a folder's library from its *.cc, its tests from its *_test.cc, and declares the
# arrows: the folders it may include (DEPS, transitive; tools/check_layers.py holds every include
# to them). APART: never several sources in one compilation. FAST: a release is built with -O3.
function(lineage_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees overlapping copies in std::string's operator+ where there are none (bug 105329).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(LINEAGE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${LINEAGE_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${LINEAGE_SANITIZE})
  endif()
  if(LINEAGE_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# Most of the time of a small source goes into the headers that it shares with its neighbours.
function(lineage_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${LINEAGE_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

function(lineage_module name)
  cmake_parse_arguments(ARG "APART;FAST" "" "DEPS;LINK;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  foreach(file ${ARG_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "/${file}$")
  endforeach()

  if(sources)
    set(kind PUBLIC)
    add_library(lineage_${name} STATIC ${sources})
    lineage_compile_options(lineage_${name})
    if(ARG_FAST)
      target_compile_options(lineage_${name} PRIVATE $<$<CONFIG:Release>:-O3>)
    endif()
    if(NOT ARG_APART)
      lineage_unity(lineage_${name})
    endif()
  else()
    set(kind INTERFACE)
    add_library(lineage_${name} INTERFACE)
  endif()
  add_library(Lineage::${name} ALIAS lineage_${name})
  set_target_properties(lineage_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(lineage_${name} ${kind} cxx_std_20)
  target_include_directories(
    lineage_${name} ${kind} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  list(TRANSFORM ARG_DEPS PREPEND lineage_)
  target_link_libraries(lineage_${name} ${kind} ${ARG_DEPS} ${ARG_LINK})
  install(TARGETS lineage_${name} EXPORT LineageTargets)

  if(LINEAGE_TESTS AND tests)
    lineage_test(${name}_test SOURCES ${tests} LINK lineage_${name})
  endif()
endfunction()

# lineage_test(name SOURCES file... LINK lib... [LABELS unit|slow|mpi]): a GoogleTest binary, one
# CTest entry a case. A test's data is looked for in $LINEAGE_SHARED, else beside the checkout.
function(lineage_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  lineage_compile_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE LINEAGE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${ARG_LABELS}")
endfunction()
