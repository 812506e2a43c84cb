find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(pugixml REQUIRED IMPORTED_TARGET pugixml)
# Each of these speaks in the words of its own format: a Header, at::kVersion.
file(GLOB volumes_formats ${CMAKE_CURRENT_LIST_DIR}/qcow2_reader.cpp ${CMAKE_CURRENT_LIST_DIR}/formats/*_reader.cpp
     ${CMAKE_CURRENT_LIST_DIR}/formats/*_writer.cpp)
set_source_files_properties(${volumes_formats} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
target_link_libraries(karat_volumes PRIVATE ZLIB::ZLIB PkgConfig::zstd PkgConfig::pugixml
                      OpenSSL::Crypto fmt::fmt)
if(KARAT_TESTS)
  set_target_properties(volumes_test PROPERTIES UNITY_BUILD OFF) # each speaks of its own format, too
  target_compile_definitions(volumes_test PRIVATE
    KARAT_VOLUMES_GOLDEN="${PROJECT_SOURCE_DIR}/src/volumes/golden")
  target_link_libraries(volumes_test PRIVATE ZLIB::ZLIB PkgConfig::zstd)
endif()
