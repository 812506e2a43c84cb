target_link_libraries(karat_blk PRIVATE PkgConfig::xxhash fmt::fmt Threads::Threads)

# karat-blk.so, the plugin that nbdkit loads. Not in sanitized builds: nbdkit itself is not
# sanitized and cannot load it.
if(NOT KARAT_SANITIZE)
  pkg_check_modules(nbdkit REQUIRED IMPORTED_TARGET nbdkit>=1.32)
  add_library(karat-blk MODULE ${CMAKE_CURRENT_LIST_DIR}/plugin.cpp)
  set_target_properties(karat-blk PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_compile_options(karat-blk PRIVATE ${KARAT_WARNINGS} -fvisibility=hidden)
  # Only nbdkit's entry point is seen from outside: fmt and zstd must not meet nbdkit's own.
  target_link_options(karat-blk PRIVATE -Wl,--exclude-libs,ALL)
  target_link_libraries(karat-blk PRIVATE karat_blk PkgConfig::nbdkit Threads::Threads)
endif()
if(TARGET karat-blk AND TARGET blocks_bench)
  enable_testing()
  add_test(NAME blockdev_serve
           COMMAND ${PROJECT_SOURCE_DIR}/tests/blockdev/serve.sh $<TARGET_FILE:karat-blk>
                   $<TARGET_FILE:blocks_bench>)
  set_tests_properties(blockdev_serve PROPERTIES LABELS slow TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()
