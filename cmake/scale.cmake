# Many rows: for tests of what grows with them (cmake/tests.cmake), and for ./dev bench scale.
add_library(karat_population STATIC ${PROJECT_SOURCE_DIR}/tests/scale/population.cpp)
target_compile_options(karat_population PRIVATE ${KARAT_WARNINGS})
target_include_directories(karat_population PUBLIC ${PROJECT_SOURCE_DIR}/tests/scale)
target_link_libraries(karat_population PUBLIC karat::catalog karat::blocks karat::compute PRIVATE fmt::fmt)

if(NOT KARAT_SANITIZE)
  add_executable(scale_bench ${PROJECT_SOURCE_DIR}/bench/scale_bench.cpp)
  target_compile_options(scale_bench PRIVATE ${KARAT_WARNINGS})
  target_include_directories(scale_bench PRIVATE ${PROJECT_SOURCE_DIR}/src/catalog)
  target_link_libraries(scale_bench PRIVATE karat_population karat::api nlohmann_json::nlohmann_json fmt::fmt)
endif()
