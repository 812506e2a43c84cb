# Tests that need the programs as they ship: ./dev test builds the release preset first and says
# where it is. Exit code 77 means a tool is missing; the test says which.
foreach(script boot/main_job_test.sh aws/errors_test.py aws/replies_test.py aws/ebs_test.py aws/encryption_test.py aws/host_test.py aws/volumes_test.py
    aws/operator_test.py aws/restarts_test.py aws/full_disk_test.py confine/confinement_test.py aws/hard_times_test.py crash/kill_test.py net/guest_frames_test.py
    blockdev/hostile_client_test.py)
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/${script})
  set_tests_properties(${name} PROPERTIES LABELS slow TIMEOUT 900 SKIP_RETURN_CODE 77 RUN_SERIAL ON)
endforeach()
