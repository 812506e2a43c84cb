# The tests of the whole house; those of one room are beside its code.
set(tests_dir ${PROJECT_SOURCE_DIR}/tests)

# karat_house_test(NAME FILE... LINKS target...) makes one test program and its ctest entry.
function(karat_house_test name)
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  list(TRANSFORM arg_UNPARSED_ARGUMENTS PREPEND ${tests_dir}/)
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE ${KARAT_WARNINGS})
  target_compile_definitions(${name} PRIVATE KARAT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS fast TIMEOUT 120)
endfunction()

karat_house_test(house_rules_test house_rules_test.cpp source_tree.cpp)
