# Every library that Karat takes from Debian, each found here and nowhere else.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(nlohmann_json REQUIRED)
if(KARAT_TESTS)
  find_package(GTest REQUIRED)
endif()
