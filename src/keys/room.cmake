target_link_libraries(karat_keys PRIVATE OpenSSL::Crypto fmt::fmt)
if(TARGET keys_test)
  target_link_libraries(keys_test PRIVATE fmt::fmt)
endif()
