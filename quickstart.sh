#!/usr/bin/env bash
# From a bare Debian 12 with git and sudo or root to the main job: installs what is needed, builds,
# grows a small code model from Python's own standard library, and shows what it learned.
set -euo pipefail
cd "$(dirname "$0")"
source tools/packages.sh
lineage_install $lineage_packages libpython3-stdlib libpython3.11-stdlib

cmake --preset release -DLINEAGE_TESTS=OFF -DLINEAGE_BENCHES=OFF -B build/quickstart >/dev/null
cmake --build build/quickstart --target lineage
lineage=build/quickstart/src/lineage/cli/lineage

# Python says where its library lies; the interpreter of Debian's python3-minimal will do.
stdlib=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
grow=("$lineage" grow recipes/stdlib.toml --set "sources.stdlib.paths=[\"$stdlib\"]")

echo
echo "== before training: \`def \` continued by the untrained model"
"${grow[@]}" --set name=untrained --set pretrain.tokens=256 --set pretrain.batch_tokens=256 \
  --set pretrain.optimizer.lr=0 >/dev/null 2>&1
"$lineage" complete runs/trees/untrained/coder --prompt 'def ' --max-tokens 40 --seed 1

echo
echo "== growing: ${grow[*]}"
"${grow[@]}"

echo
echo "== after training: \`def \` continued by the same model"
"$lineage" complete runs/trees/stdlib/coder --prompt 'def ' --max-tokens 120 --temperature 0.7 --seed 1
echo
echo "Next: $lineage complete runs/trees/stdlib/coder --prompt 'import '"
