#!/usr/bin/env bash
# From nothing to searches: makes the environment, runs the whole pipeline on the simulated shop
# that ships, prints the comparison with BM25 and a few searches, and says where everything lies.
#
#   ./launch/quickstart.sh [WORKDIR] [--gin.NAME=value ...]
#
# A second run with the same WORKDIR (default: workdirs/quickstart) takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./launch/setup.sh
venv=${GRAM_VENV:-.venv}
workdir=workdirs/quickstart
if [[ $# -gt 0 && $1 != --* ]]; then
  workdir=$1
  shift
fi
"$venv/bin/gram" run --gin_file=gin/experiments/quickstart.gin --workdir="$workdir" "$@"
while IFS= read -r query; do
  "$venv/bin/gram" search --workdir="$workdir" --k=5 "$query"
done <launch/quickstart_queries.txt
cat <<EOF

Everything lies in $workdir:
  evaluate/report.md   the comparison above (also report.json), runs/ and qrels.test.txt in TREC format
  index/               the snapshot that answered the searches
  train/               parameters, metrics.jsonl, TensorBoard events
  codes/               the codes, their postings and their quality
Ask your own:          $venv/bin/gram search --workdir=$workdir "your query"
See what is there:     $venv/bin/gram inspect --workdir=$workdir
Bring your own shop:   gin/experiments/own_catalog.gin
EOF
