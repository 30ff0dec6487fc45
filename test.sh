#!/usr/bin/env bash
# From a bare Debian 12 with git and sudo or root to a full test run: packages, layer and format
# checks, build, unit and end-to-end tests.
#   ./test.sh       the release build and all its tests
#   ./test.sh all   before that, the unit tests under AddressSanitizer and UBSan, and a short run of
#                   every fuzz target (two more builds: allow an hour on two cores)
set -euo pipefail
cd "$(dirname "$0")"
source tools/packages.sh
lineage_install $lineage_packages $lineage_test_packages libpython3-stdlib
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
jobs=$(nproc)

echo "== arrows and format"
python3 tools/check_layers.py
tools/format.sh

if [ "${1:-}" = all ]; then
  echo "== unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
  cmake --preset asan >/dev/null
  cmake --build --preset asan -j "$jobs"
  ctest --preset asan -j "$jobs"
  echo "== fuzz targets, a short run each"
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz -j "$jobs"
  tools/fuzz.sh build/fuzz 10
fi

echo "== build and tests"
cmake --preset release >/dev/null
cmake --build --preset release -j "$jobs"
ctest --preset release -j "$jobs"
