find_package(ZLIB REQUIRED)
target_link_libraries(karat_volumes PRIVATE ZLIB::ZLIB PkgConfig::zstd fmt::fmt)
if(KARAT_TESTS)
  # Tests named Slow… use QEMU's and nbdkit's programs; they skip where those are missing.
  set_tests_properties(volumes PROPERTIES ENVIRONMENT "GTEST_FILTER=-Slow*")
  add_test(NAME volumes_slow COMMAND volumes_test --gtest_filter=Slow*)
  set_tests_properties(volumes_slow PROPERTIES LABELS slow TIMEOUT 600)
  target_compile_definitions(volumes_test PRIVATE
    KARAT_VOLUMES_GOLDEN="${PROJECT_SOURCE_DIR}/src/volumes/golden")
  target_link_libraries(volumes_test PRIVATE ZLIB::ZLIB PkgConfig::zstd)
endif()
