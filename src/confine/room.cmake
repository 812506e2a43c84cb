pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
target_link_libraries(karat_confine PRIVATE PkgConfig::seccomp fmt::fmt)

add_executable(karat-confine ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
target_compile_options(karat-confine PRIVATE ${KARAT_WARNINGS})
target_include_directories(karat-confine PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(karat-confine PRIVATE karat::confine)
if(KARAT_TESTS)
  add_dependencies(confine_test karat-confine)
  set_tests_properties(confine PROPERTIES ENVIRONMENT
                       "GTEST_FILTER=-Slow*;KARAT_CONFINE=$<TARGET_FILE:karat-confine>")
endif()
