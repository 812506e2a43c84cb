# SOCI includes sqlite3.h within a namespace of its own.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/sqlite/sqlite_vfs.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
target_link_libraries(karat_catalog PRIVATE
  nlohmann_json::nlohmann_json simdjson::simdjson PkgConfig::xxhash SOCI::soci_sqlite3 SOCI::soci_core SQLite::SQLite3 PkgConfig::libpq fmt::fmt)
if(TARGET catalog_test) # its tests look at rows and documents from inside
  target_link_libraries(catalog_test PRIVATE
    nlohmann_json::nlohmann_json simdjson::simdjson PkgConfig::xxhash SOCI::soci_sqlite3 SOCI::soci_core SQLite::SQLite3 PkgConfig::libpq fmt::fmt)
endif()

# The migrations travel inside the program: a schema and the code that reads it cannot differ.
set(catalog_functions "")
foreach(dialect sqlite postgres)
  file(GLOB paths CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/catalog/migrations/${dialect}/*.sql)
  list(SORT paths)
  set(rows "")
  foreach(path IN LISTS paths)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    get_filename_component(file_name ${path} NAME)
    string(REGEX MATCH "^0*([1-9][0-9]*)_" _ ${file_name})
    file(READ ${path} text)
    string(APPEND rows "        {${CMAKE_MATCH_1}, \"${file_name}\", R\"sql(${text})sql\"},\n")
  endforeach()
  string(APPEND catalog_functions "std::vector<Migration> const& ${dialect}_migrations()\n{\n"
    "    static std::vector<Migration> const all = {\n${rows}    };\n    return all;\n}\n\n")
endforeach()
set(catalog_generated ${PROJECT_BINARY_DIR}/generated/catalog_migrations.cpp)
file(CONFIGURE OUTPUT ${catalog_generated} @ONLY CONTENT [[
// Made by src/catalog/room.cmake from src/catalog/migrations/; do not edit.
#include "postgres/postgres_database.hpp"
#include "sqlite/sqlite_database.hpp"

namespace karat::catalog {

@catalog_functions@} // namespace karat::catalog
]])
target_sources(karat_catalog PRIVATE ${catalog_generated})
