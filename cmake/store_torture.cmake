# The store's reliability harness: a program of its own, so that the release preset has it without
# sanitizers (./dev long runs it there with large counts) and the dev preset with them and small ones.
file(GLOB torture_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/store/*.cpp)
find_library(KARAT_RAPIDCHECK rapidcheck REQUIRED)
add_executable(store_torture ${torture_sources})
target_compile_options(store_torture PRIVATE ${KARAT_WARNINGS})
target_link_libraries(store_torture PRIVATE karat::blocks ${KARAT_RAPIDCHECK} PkgConfig::xxhash
                      fmt::fmt Threads::Threads)

if(KARAT_TESTS)
  # The quick ones with every edit, the others with ./dev test, many more of each with ./dev long.
  foreach(part states:6000:slow corruption:1000:fast model:120:fast allocations:40:slow kills:40:slow)
    string(REPLACE ":" ";" part ${part})
    list(GET part 0 verb)
    list(GET part 1 count)
    list(GET part 2 label)
    add_test(NAME store_${verb} COMMAND store_torture ${verb} ${count})
    set_tests_properties(store_${verb} PROPERTIES LABELS ${label} TIMEOUT 300)
  endforeach()
  add_test(NAME collector_model COMMAND ${PROJECT_SOURCE_DIR}/tests/model/check.sh)
  set_tests_properties(collector_model PROPERTIES LABELS slow TIMEOUT 120 SKIP_RETURN_CODE 77)
endif()

# What the program must do as it ships, without sanitizers: ./dev test runs these in the release
# preset. A million crash states take minutes; instructions are counted by callgrind.
if(NOT KARAT_SANITIZE)
  add_executable(store_costs ${PROJECT_SOURCE_DIR}/bench/store_costs.cpp)
  target_include_directories(store_costs PRIVATE ${PROJECT_SOURCE_DIR}/src/volumes)
  target_compile_options(store_costs PRIVATE ${KARAT_WARNINGS})
  target_link_libraries(store_costs PRIVATE karat::blocks karat::volumes)
  if(NOT KARAT_TESTS)
    enable_testing()
    add_test(NAME store_million_states COMMAND store_torture states 1000000)
    set_tests_properties(store_million_states PROPERTIES LABELS slow TIMEOUT 1200)
    add_test(NAME store_costs COMMAND ${PROJECT_SOURCE_DIR}/bench/store_costs.py $<TARGET_FILE:store_costs>)
    set_tests_properties(store_costs PROPERTIES LABELS slow TIMEOUT 300 SKIP_RETURN_CODE 77)
  endif()
endif()
