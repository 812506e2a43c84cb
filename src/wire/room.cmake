# The generated half of the room: structs, readers and writers from models/*.json, by Python alone.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
set(wire_dir ${PROJECT_SOURCE_DIR}/src/wire)
set(wiregen_dir ${PROJECT_SOURCE_DIR}/tools/wiregen)
set(generated_dir ${PROJECT_BINARY_DIR}/generated/wire)

set(models)
foreach(service ebs ec2 ssm sts)
  list(APPEND models ${wire_dir}/models/${service}.json)
endforeach()

# Which files that makes, the generator says: a subject that is new to a model is no edit here.
execute_process(
  COMMAND ${Python3_EXECUTABLE} -B ${wiregen_dir}/generate.py --list ${models}
  OUTPUT_VARIABLE generated
  OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${models} ${wiregen_dir}/cpp.py)
string(REPLACE "\n" ";" generated_sources "${generated}")
list(TRANSFORM generated_sources PREPEND ${generated_dir}/)
set(generated_doors ${generated_sources})
list(FILTER generated_doors INCLUDE REGEX "/include/karat/")
list(FILTER generated_sources EXCLUDE REGEX "/include/karat/")

file(GLOB wiregen_scripts CONFIGURE_DEPENDS ${wiregen_dir}/*.py)
add_custom_command(
  OUTPUT ${generated_sources} ${generated_doors}
  COMMAND Python3::Interpreter -B ${wiregen_dir}/generate.py --out ${generated_dir} ${models}
  DEPENDS ${wiregen_scripts} ${models}
  COMMENT "Generating the wire structs, readers and writers"
  VERBATIM)

add_custom_target(wire_generated DEPENDS ${generated_sources} ${generated_doors})

file(GLOB wire_doors CONFIGURE_DEPENDS ${wire_dir}/include/karat/wire/*.hpp)
target_sources(karat_wire
  PRIVATE ${generated_sources}
  PUBLIC FILE_SET HEADERS FILES ${wire_doors}
  PUBLIC FILE_SET generated TYPE HEADERS BASE_DIRS ${generated_dir}/include FILES ${generated_doors})
# They are cut to size already, and repeat the enumerations that they use.
set_source_files_properties(${generated_sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
target_include_directories(karat_wire PRIVATE ${generated_dir})
target_link_libraries(karat_wire PRIVATE nlohmann_json::nlohmann_json)

if(KARAT_TESTS) # the tests read JSON that lies in and beside the repository
  target_link_libraries(wire_test PRIVATE nlohmann_json::nlohmann_json)
  target_include_directories(wire_test PRIVATE ${generated_dir})
  target_compile_definitions(wire_test PRIVATE KARAT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME wire_supported_page COMMAND Python3::Interpreter -B ${wiregen_dir}/generate.py
    --supported ${PROJECT_SOURCE_DIR}/docs/supported.md --check ${models})
  set_tests_properties(wire_supported_page PROPERTIES LABELS fast TIMEOUT 30)
endif()
