# cmake -DSOURCE=tests/clients -DBINARY=build/clients -DNPM=npm -P install.cmake
#
# Copies the tests to where they find their packages, and installs those once for each lock file.
file(GLOB parts ${SOURCE}/*.mjs ${SOURCE}/package.json ${SOURCE}/package-lock.json ${SOURCE}/.npmrc)
file(COPY ${parts} DESTINATION ${BINARY})
file(SHA256 ${BINARY}/package-lock.json lock)
set(stamp ${BINARY}/node_modules/.lineage)
set(installed "")
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
endif()
if(installed STREQUAL lock)
  return()
endif()
execute_process(COMMAND ${NPM} ci --prefer-offline --loglevel=error WORKING_DIRECTORY ${BINARY}
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "npm could not install the clients' packages (npm ci failed in ${BINARY})")
endif()
file(WRITE ${stamp} "${lock}")
