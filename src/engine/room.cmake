target_link_libraries(karat_engine PRIVATE nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads)
