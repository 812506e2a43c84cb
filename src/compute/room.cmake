target_link_libraries(karat_compute PRIVATE fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
if(KARAT_TESTS)
  set_target_properties(compute_test PROPERTIES UNITY_BUILD OFF) # each has its own kInstance and kVolume
  target_link_libraries(compute_test PRIVATE nlohmann_json::nlohmann_json)
  add_dependencies(compute_test karat-net karat-confine)
  set_tests_properties(compute_slow PROPERTIES ENVIRONMENT KARAT_NET=$<TARGET_FILE:karat-net>)
endif()
