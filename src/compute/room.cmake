target_link_libraries(karat_compute PRIVATE fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
if(KARAT_TESTS)
  target_link_libraries(compute_test PRIVATE nlohmann_json::nlohmann_json)
  add_dependencies(compute_test karat-net)
  set_tests_properties(compute PROPERTIES ENVIRONMENT GTEST_FILTER=-Slow*)
  add_test(NAME compute_slow COMMAND compute_test --gtest_filter=Slow*)
  set_tests_properties(compute_slow PROPERTIES LABELS slow TIMEOUT 300
                       ENVIRONMENT KARAT_NET=$<TARGET_FILE:karat-net>)
endif()
