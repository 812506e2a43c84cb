target_link_libraries(karat_api PRIVATE Boost::headers nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads)
