# Every library that Karat takes from Debian, each found here and nowhere else.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson 3 REQUIRED)
find_package(Boost 1.81 REQUIRED) # headers only: Beast and Asio
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
if(KARAT_TESTS)
  find_package(GTest REQUIRED)
endif()

# SOCI reads and writes the catalog's SQL. Debian ships neither a CMake nor a pkg-config file for it.
find_package(SQLite3 REQUIRED)
foreach(part soci_core soci_sqlite3)
  find_library(KARAT_${part} ${part} REQUIRED)
  add_library(SOCI::${part} UNKNOWN IMPORTED)
  set_target_properties(SOCI::${part} PROPERTIES IMPORTED_LOCATION ${KARAT_${part}})
endforeach()

# libslirp by hand: its pkg-config file asks for glib's development package, its header does not.
find_path(SLIRP_INCLUDE_DIR slirp/libslirp.h REQUIRED)
find_library(SLIRP_LIBRARY slirp REQUIRED)
add_library(slirp::slirp UNKNOWN IMPORTED)
set_target_properties(slirp::slirp PROPERTIES IMPORTED_LOCATION ${SLIRP_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${SLIRP_INCLUDE_DIR})
find_package(PkgConfig REQUIRED)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq>=14)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd>=1.5)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)
