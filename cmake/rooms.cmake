# karat_room(NAME [USES room...]) makes src/NAME one static library, karat::NAME.
# Its door is src/NAME/include/karat/*.hpp; everything else in the folder is private.
# Tests beside the code (*_test.cpp) become one test program per room, NAME_test.
function(karat_room name)
  cmake_parse_arguments(arg "" "" "USES" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  file(GLOB_RECURSE doors CONFIGURE_DEPENDS ${dir}/include/karat/*.hpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/(main|plugin)\\.cpp$")

  foreach(used IN LISTS arg_USES)
    if(NOT TARGET karat_${used})
      message(FATAL_ERROR "room '${name}' uses '${used}', which is not below it in the house")
    endif()
  endforeach()
  list(TRANSFORM arg_USES PREPEND karat_)

  if(NOT sources) # only a door so far
    add_library(karat_${name} INTERFACE)
    target_link_libraries(karat_${name} INTERFACE ${arg_USES})
    target_include_directories(karat_${name} INTERFACE ${dir}/include)
    return()
  endif()

  add_library(karat_${name} STATIC ${sources})
  add_library(karat::${name} ALIAS karat_${name})
  target_sources(karat_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${dir}/include FILES ${doors})
  target_include_directories(karat_${name} PRIVATE ${dir})
  target_link_libraries(karat_${name} PUBLIC ${arg_USES})
  target_compile_options(karat_${name} PRIVATE ${KARAT_WARNINGS})

  if(tests AND KARAT_TESTS)
    add_executable(${name}_test ${tests})
    target_compile_options(${name}_test PRIVATE ${KARAT_WARNINGS})
    target_include_directories(${name}_test PRIVATE ${dir})
    target_link_libraries(${name}_test PRIVATE karat::${name} GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS fast TIMEOUT 120 ENVIRONMENT GTEST_FILTER=-Slow*)
    karat_slow_tests(${name} ${tests})
  endif()
endfunction()

# Tests named Slow… take many seconds, or use other people's programs (they skip where those are
# missing); ./dev test runs them.
function(karat_slow_tests name)
  foreach(source ${ARGN})
    file(STRINGS ${source} found REGEX "Slow")
    if(found)
      add_test(NAME ${name}_slow COMMAND ${name}_test --gtest_filter=Slow*)
      set_tests_properties(${name}_slow PROPERTIES LABELS slow TIMEOUT 600)
      return()
    endif()
  endforeach()
endfunction()
