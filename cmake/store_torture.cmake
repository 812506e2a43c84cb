# The store's reliability harness: a program of its own, so that the release preset has it without
# sanitizers (./dev long runs it there with large counts) and the dev preset with them and small ones.
file(GLOB torture_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/store/*.cpp)
find_library(KARAT_RAPIDCHECK rapidcheck REQUIRED)
add_executable(store_torture ${torture_sources})
target_compile_options(store_torture PRIVATE ${KARAT_WARNINGS})
target_link_libraries(store_torture PRIVATE karat::blocks ${KARAT_RAPIDCHECK} PkgConfig::xxhash
                      fmt::fmt Threads::Threads)

if(KARAT_TESTS)
  foreach(part states:6000 corruption:4000 model:120 allocations:40 kills:40)
    string(REPLACE ":" ";" part ${part})
    list(GET part 0 verb)
    list(GET part 1 count)
    add_test(NAME store_${verb} COMMAND store_torture ${verb} ${count})
    set_tests_properties(store_${verb} PROPERTIES LABELS fast TIMEOUT 120)
  endforeach()
  add_test(NAME collector_model COMMAND ${PROJECT_SOURCE_DIR}/tests/model/check.sh)
  set_tests_properties(collector_model PROPERTIES LABELS fast TIMEOUT 120 SKIP_RETURN_CODE 77)
endif()
