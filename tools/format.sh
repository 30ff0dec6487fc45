#!/usr/bin/env bash
# Checks that the tracked C++ files are formatted as .clang-format says; --fix formats them.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "") mode=(--dry-run --Werror) ;;
  --fix) mode=(-i) ;;
  *) echo "usage: tools/format.sh [--fix]" >&2; exit 2 ;;
esac
format=$(command -v clang-format || command -v clang-format-14) || {
  echo "tools/format.sh: no clang-format; install the Debian package clang-format" >&2
  exit 2
}
# Deleted files stay listed until that is committed, so only those that exist are looked at.
git ls-files -z -- '*.h' '*.cc' '*.cu' '*.cuh' |
  while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
  xargs -0 -r "$format" "${mode[@]}"
