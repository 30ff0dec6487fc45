#!/usr/bin/env bash
# From a bare Debian 12 with git and sudo or root to a full test run: packages, build, unit and
# end-to-end tests, layer and format checks, sanitizers and a short run of every fuzz target.
#   ./test.sh          everything
#   ./test.sh quick    the release build and its tests alone
set -euo pipefail
cd "$(dirname "$0")"
source tools/packages.sh
lineage_install $lineage_packages $lineage_test_packages libpython3-stdlib
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
jobs=$(nproc)

echo "== arrows and format"
python3 tools/check_layers.py
tools/format.sh

echo "== release build"
cmake --preset release >/dev/null
cmake --build --preset release -j "$jobs"

if [ "${1:-}" != quick ]; then
  echo "== unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
  cmake --preset asan >/dev/null
  cmake --build --preset asan -j "$jobs"
  ctest --preset asan -j "$jobs" --quiet || ctest --preset asan --rerun-failed --output-on-failure
  echo "== fuzz targets, a short run each"
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz -j "$jobs"
  tools/fuzz.sh build/fuzz 10
fi

echo "== tests"
ctest --preset release -j "$jobs"
