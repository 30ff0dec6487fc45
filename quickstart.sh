#!/usr/bin/env bash
# From a bare Debian 12 with git and sudo or root to the main job: installs what is needed, builds,
# grows the GPT-3.5 family tree at nano size, measures every ability at every
# node, and writes the report.
set -euo pipefail
cd "$(dirname "$0")"
source tools/packages.sh
lineage_install $lineage_packages

cmake --preset release -DLINEAGE_TESTS=OFF -DLINEAGE_BENCHES=OFF -B build/quickstart >/dev/null
cmake --build build/quickstart --target lineage
lineage=build/quickstart/src/lineage/cli/lineage

page=runs/gpt35-nano.html
rm -f "$page"  # an older one says nothing of the tree to come
grow=("$lineage" grow recipes/gpt35-nano.toml)
echo
echo "== growing and measuring: ${grow[*]}"
"${grow[@]}"

echo
report=("$lineage" report runs --tree gpt35-nano --out "$page")
echo "== what each stage gave and took: ${report[*]}"
"${report[@]}" || echo "(without the page, as said above; all else goes on)"

echo
echo "== one of the models at work"
"$lineage" complete runs/trees/gpt35-nano/code-davinci-002 --max-tokens 60 --temperature 0.6 \
  --seed 1 --prompt '<src:code> def'
echo
[ ! -f "$page" ] || echo "The report is a file of its own: $page"
