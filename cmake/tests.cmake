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

add_library(karat_testing STATIC ${tests_dir}/world.cpp ${tests_dir}/golden.cpp ${tests_dir}/source_tree.cpp)
target_compile_options(karat_testing PRIVATE ${KARAT_WARNINGS})
target_compile_definitions(karat_testing PRIVATE KARAT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(karat_testing PUBLIC karat::api GTest::gtest)

karat_house_test(house_rules_test house_rules_test.cpp LINKS karat_testing)
karat_house_test(golden_test golden_test.cpp LINKS karat_testing karat::daemon)
target_include_directories(golden_test PRIVATE ${PROJECT_SOURCE_DIR}/src/daemon)

# The language of the text tests, which other tests speak too.
set(script_sources script.cpp script_text.cpp reply_text.cpp rest_call.cpp)
list(TRANSFORM script_sources PREPEND ${tests_dir}/)
add_library(karat_script STATIC ${script_sources})
target_compile_options(karat_script PRIVATE ${KARAT_WARNINGS})
target_link_libraries(karat_script PUBLIC karat_testing PRIVATE nlohmann_json::nlohmann_json PkgConfig::pugixml)
karat_house_test(text_test text_tests.cpp filters_test.cpp sign_in_test.cpp LINKS karat_script)
karat_house_test(parameters_test parameters_test.cpp LINKS karat_script nlohmann_json::nlohmann_json)
set_tests_properties(parameters_test PROPERTIES LABELS slow) # some 1,300 calls
karat_house_test(power_test power_test.cpp LINKS karat_testing)
set_tests_properties(power_test PROPERTIES ENVIRONMENT GTEST_FILTER=-Slow*)
add_test(NAME power_slow COMMAND power_test --gtest_filter=Slow*)
set_tests_properties(power_slow PROPERTIES LABELS slow TIMEOUT 600)
karat_house_test(lives_test lives_test.cpp lives/life.cpp lives/life_troubles.cpp LINKS karat_script)
target_include_directories(lives_test PRIVATE ${tests_dir})
add_test(NAME lives_slow COMMAND lives_test)
set_tests_properties(lives_slow PROPERTIES LABELS slow TIMEOUT 600 ENVIRONMENT "KARAT_SEEDS=21 200")
karat_house_test(rebuild_test rebuild_test.cpp LINKS karat_testing)
karat_house_test(workers_test workers_test.cpp overview_test.cpp work_test.cpp LINKS karat_testing)
karat_house_test(promotion_test promotion_test.cpp LINKS karat_testing)
# Its cache files are as large as a volume, and so in memory.
set_tests_properties(promotion_test PROPERTIES LABELS slow)
# The HTTP edge, over real sockets and in memory.
add_library(karat_doors STATIC ${tests_dir}/http_doors.cpp)
target_compile_options(karat_doors PRIVATE ${KARAT_WARNINGS})
target_link_libraries(karat_doors PUBLIC karat_testing PRIVATE Boost::headers)
karat_house_test(http_test http_sessions_test.cpp LINKS karat_doors)
# Programs of their own: one replaces operator new, the other takes as long as it is told to.
karat_house_test(http_sweep_test http_sweep_test.cpp http_faults.cpp LINKS karat_doors)
set_tests_properties(http_sweep_test PROPERTIES LABELS slow)
add_executable(http_flood ${tests_dir}/http_flood.cpp)
target_compile_options(http_flood PRIVATE ${KARAT_WARNINGS})
target_link_libraries(http_flood PRIVATE karat_doors)
add_test(NAME http_flood COMMAND http_flood 2000 1)
set_tests_properties(http_flood PROPERTIES LABELS slow TIMEOUT 300)

# What the pages say is there.
add_test(NAME docs COMMAND ${tests_dir}/docs/docs_test.py $<TARGET_FILE:karat> $<TARGET_FILE:karatd>)
set_tests_properties(docs PROPERTIES LABELS fast TIMEOUT 120 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)

# What grows with the number of rows.
karat_house_test(scale_test scale/counts_test.cpp LINKS karat_script karat_population)
target_include_directories(scale_test PRIVATE ${tests_dir})

# What earlier releases left on disk, and the program that makes it.
add_library(karat_old STATIC ${tests_dir}/old/old_data.cpp)
target_compile_options(karat_old PRIVATE ${KARAT_WARNINGS})
target_include_directories(karat_old PUBLIC ${tests_dir} ${PROJECT_SOURCE_DIR}/src/catalog)
target_link_libraries(karat_old PUBLIC karat_script nlohmann_json::nlohmann_json)
karat_house_test(old_test old/old_test.cpp LINKS karat_old)
add_executable(old_maker ${tests_dir}/old/make.cpp)
target_compile_options(old_maker PRIVATE ${KARAT_WARNINGS})
target_link_libraries(old_maker PRIVATE karat_old)
