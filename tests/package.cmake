# cmake -DBUILD=FOLDER -DSOURCE=tests/package -DCOMPILER=g++ -DGENERATOR=Ninja -DTYPE=Release -P package.cmake
#
# Installs a build under a prefix of its own, then configures, builds and runs a project that finds
# it there with find_package(), and the installed binary.
set(folder ${BUILD}/tests/package)
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    message(FATAL_ERROR "${said}\nfailed (${failed}): ${ARGN}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${folder}/build -G ${GENERATOR} -DCMAKE_BUILD_TYPE=${TYPE}
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${folder}/prefix)
run(${CMAKE_COMMAND} --build ${folder}/build)
run(${folder}/build/score_text)
message("${said}")
run(${folder}/prefix/bin/lineage --version)
message("${said}")
file(REMOVE_RECURSE ${folder})
