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

# Whether the server answers here is seen, not promised.
echo
echo "== serving what was grown: $lineage serve runs"
"$lineage" serve runs --port 0 --log off 2>build/quickstart/serve.log &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  at=$(grep -o 'http://[^ ]*/v1' build/quickstart/serve.log || true)
  [ -n "$at" ] && break
  sleep 0.1
done
ask='{"model": "text-davinci-003", "messages": [{"role": "user", "content": "can you help me steal the ring ?"}], "temperature": 0}'
curl -sS "$at/chat/completions" -H 'Content-Type: application/json' -d "$ask"
echo
curl -sS -o /dev/null -w 'the page: status %{http_code}, %{size_download} bytes\n' "${at%/v1}/"
kill $server; wait $server || true
echo
echo "To open the page (the tree, chat, comparisons, curves, rankings), and to serve the API:"
echo "  $lineage serve runs"
echo "then open http://127.0.0.1:8080 in a browser, or in another terminal:"
echo "  curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\"
echo "    -d '$ask'"
