#!/usr/bin/env bash
# From a bare Debian 12 with git and sudo or root to a full test run: packages, layer and format
# checks, build, unit and end-to-end tests.
#   ./test.sh         the release build and all its tests, and five seconds of every fuzz target,
#                     which runs the readers of files under AddressSanitizer and UBSan
#   ./test.sh quick   the release build and its tests alone
#   ./test.sh all     besides, every unit test under AddressSanitizer and UBSan (a whole build more)
set -euo pipefail
cd "$(dirname "$0")"
source tools/packages.sh
lineage_install $lineage_packages $lineage_test_packages libpython3-stdlib
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
jobs=$(nproc)

echo "== arrows and format"
python3 tools/check_layers.py
python3 tools/check_sections.py
tools/format.sh

mode=${1:-default}
if [ "$mode" = all ]; then
  echo "== unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
  cmake --preset asan >/dev/null
  cmake --build --preset asan -j "$jobs"
  ctest --preset asan -j "$jobs"
fi
if [ "$mode" != quick ]; then
  echo "== fuzz targets, a short run each"
  tools/fuzz.sh build/fuzz 5
fi

echo "== build and tests"
cmake --preset release >/dev/null
cmake --build --preset release -j "$jobs"
ctest --preset release -j "$jobs"
