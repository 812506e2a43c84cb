find_package(ZLIB REQUIRED)
target_link_libraries(karat_volumes PRIVATE ZLIB::ZLIB PkgConfig::zstd fmt::fmt)
if(KARAT_TESTS)
  target_compile_definitions(volumes_test PRIVATE
    KARAT_VOLUMES_GOLDEN="${PROJECT_SOURCE_DIR}/src/volumes/golden")
  target_link_libraries(volumes_test PRIVATE ZLIB::ZLIB PkgConfig::zstd)
endif()
