target_link_libraries(karat_blocks PRIVATE PkgConfig::zstd PkgConfig::xxhash fmt::fmt Threads::Threads)
if(TARGET blocks_test)
  target_link_libraries(blocks_test PRIVATE PkgConfig::zstd PkgConfig::xxhash fmt::fmt)
endif()
if(NOT KARAT_SANITIZE) # a program that measures, and what the shell tests make stores with
  add_executable(blocks_bench ${PROJECT_SOURCE_DIR}/bench/blocks_bench.cpp)
  target_compile_options(blocks_bench PRIVATE ${KARAT_WARNINGS})
  target_link_libraries(blocks_bench PRIVATE karat_blocks karat_base)
endif()
