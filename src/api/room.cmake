find_package(Boost 1.81 REQUIRED) # headers only: Beast and Asio, in http.cpp alone
target_link_libraries(karat_api PRIVATE Boost::headers nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads)
