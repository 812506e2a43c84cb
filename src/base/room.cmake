target_link_libraries(karat_base PUBLIC fmt::fmt PRIVATE nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads)
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/base/version.cpp PROPERTIES
  COMPILE_DEFINITIONS KARAT_VERSION="${PROJECT_VERSION}")
