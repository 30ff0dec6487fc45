# cmake -DSOURCE=web -DBINARY=build/web -DOUTPUT=report_page.cc -DTESTS=ON -P BuildWeb.cmake
#
# Builds web/ into two pages and writes them as a C++ source: that of a report, one HTML file, and
# the one that `lineage serve` opens on, three files. What they need from npm is installed once for
# each lock file. Without npm, or where it fails, the source says why there is no
# page instead: the C++ part does not wait for it.
function(write_source page html script style why)
  string(CONCAT source "// Written by cmake/BuildWeb.cmake from web/.\n"
      "#include \"lineage/report/page.h\"\n\nnamespace lineage {\n\n"
      "std::string_view report_page_absence() { return R\"LINEAGE(${why})LINEAGE\"; }\n\n")
  foreach(part page html script style)
    if("${${part}}" MATCHES "\\)LINEAGE\"")
      message(FATAL_ERROR "web: a page holds the end mark of its own C++ literal")
    endif()
  endforeach()
  string(APPEND source "std::string_view report_page() { return R\"LINEAGE(${page})LINEAGE\"; }\n\n"
         "ServedPage served_page() {\n  return {R\"LINEAGE(${html})LINEAGE\",\n"
         "          R\"LINEAGE(${script})LINEAGE\",\n"
         "          R\"LINEAGE(${style})LINEAGE\"};\n}\n\n}  // namespace lineage\n")
  file(WRITE ${OUTPUT}.new "${source}")
  file(RENAME ${OUTPUT}.new ${OUTPUT})
endfunction()

function(do_without why)
  message("Lineage: the pages are not built: ${why}. Reports are written as JSON and shown in "
          "the terminal only, and `lineage serve` has the API alone. To have them, install the Debian packages nodejs and npm, "
          "remove ${OUTPUT} and build again.")
  write_source("" "" "" "" "${why}")
endfunction()

find_program(NODE node)
find_program(NPM npm)
if(NOT NODE OR NOT NPM)
  do_without("npm was not found when this program was built")
  return()
endif()

file(REMOVE_RECURSE ${BINARY}/src ${BINARY}/test ${BINARY}/dist ${BINARY}/dist-app)
foreach(part package.json package-lock.json .npmrc tsconfig.json vite.config.ts index.html app.html src test)
  file(COPY ${SOURCE}/${part} DESTINATION ${BINARY})
endforeach()

file(SHA256 ${BINARY}/package-lock.json lock)
set(stamp ${BINARY}/node_modules/.lineage)
set(installed "")
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
endif()
if(NOT installed STREQUAL "${lock} ${TESTS}")
  set(omit --omit=dev)
  if(TESTS)
    set(omit)
  endif()
  execute_process(COMMAND ${NPM} ci ${omit} --prefer-offline --loglevel=error
                  WORKING_DIRECTORY ${BINARY} RESULT_VARIABLE failed
                  OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    message("${said}")
    do_without("npm could not install what the page is built with (npm ci failed)")
    return()
  endif()
  file(WRITE ${stamp} "${lock} ${TESTS}")
endif()

execute_process(COMMAND ${NPM} run build --silent WORKING_DIRECTORY ${BINARY}
                RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
  message("${said}")
  do_without("the page did not build with this version of node")
  return()
endif()
file(READ ${BINARY}/dist/index.html page)
file(READ ${BINARY}/dist-app/app.html html)
file(READ ${BINARY}/dist-app/assets/app.js script)
file(READ ${BINARY}/dist-app/assets/app.css style)
write_source("${page}" "${html}" "${script}" "${style}" "")
