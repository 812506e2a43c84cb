target_link_libraries(karat_compute PRIVATE nlohmann_json::nlohmann_json Threads::Threads)
