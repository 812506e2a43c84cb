target_link_libraries(karat_base PUBLIC fmt::fmt PRIVATE OpenSSL::Crypto Threads::Threads)
