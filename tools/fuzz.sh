#!/usr/bin/env bash
# Runs every libFuzzer target for a while: tools/fuzz.sh [FOLDER [SECONDS [TARGET...]]]
# (by default build/fuzz, 30 seconds, all; a target is the name of a fuzz/*_fuzz.cc without _fuzz).
#
# Needs clang-14. Inputs found stay in FOLDER/corpus, so the next run begins where
# this one ended; an input that crashes lies in FOLDER/crashes and the script ends with status 1.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build/fuzz}
seconds=${2:-30}
targets=("${@:3}")
if [ ${#targets[@]} -eq 0 ]; then
  for source in fuzz/*_fuzz.cc; do targets+=("$(basename "$source" _fuzz.cc)"); done
fi

[ -f "$folder/CMakeCache.txt" ] || cmake --preset fuzz -B "$folder" >/dev/null
cmake --build "$folder" -j "$(nproc)" --target "${targets[@]/%/_fuzz}"
mkdir -p "$folder/crashes"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

failed=()
for name in "${targets[@]}"; do
  inputs=("$folder/corpus/$name")
  mkdir -p "${inputs[0]}"
  [ -d "fuzz/seeds/$name" ] && inputs+=("fuzz/seeds/$name")
  log=$folder/$name.log
  if "$folder/fuzz/${name}_fuzz" "${inputs[@]}" -max_total_time="$seconds" -timeout=30 \
    -rss_limit_mb=2048 -artifact_prefix="$folder/crashes/$name-" >"$log" 2>&1; then
    echo "$name: $(tail -n 1 "$log"), no crash"
  else
    tail -n 40 "$log" >&2
    failed+=("$name")
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "fuzz: crashes in ${failed[*]}; the inputs lie in $folder/crashes" >&2
  exit 1
fi
