# The library holds all but main(), so that tests reach it; libslirp is linked to programs only, or
# the daemon, which uses the room's doors, would load it too.
target_link_libraries(karat_net PUBLIC fmt::fmt PRIVATE nlohmann_json::nlohmann_json)
set_target_properties(karat_net PROPERTIES UNITY_BUILD OFF) # what calls libslirp must stay apart
target_include_directories(karat_net PRIVATE ${SLIRP_INCLUDE_DIR})

add_executable(karat-net ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
target_compile_options(karat-net PRIVATE ${KARAT_WARNINGS})
target_include_directories(karat-net PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(karat-net PRIVATE karat::net slirp::slirp)
if(KARAT_TESTS)
  target_link_libraries(net_test PRIVATE slirp::slirp)
endif()
