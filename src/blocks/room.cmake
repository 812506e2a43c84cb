target_link_libraries(karat_blocks PRIVATE PkgConfig::zstd PkgConfig::xxhash fmt::fmt Threads::Threads)
if(TARGET blocks_test)
  target_link_libraries(blocks_test PRIVATE PkgConfig::zstd PkgConfig::xxhash fmt::fmt)
endif()
