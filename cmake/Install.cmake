# `cmake --install`: binary, libraries, headers, recipes and a CMake package for find_package().
include(CMakePackageConfigHelpers)
install(DIRECTORY src/lineage DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY recipes/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lineage/recipes)
install(EXPORT LineageTargets NAMESPACE Lineage::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Lineage)
configure_package_config_file(
  cmake/LineageConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/LineageConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Lineage)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LineageConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/LineageConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/LineageConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Lineage)
