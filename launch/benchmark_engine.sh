#!/usr/bin/env bash
# Measures the retrieval engine beside its peers and writes docs/results/engine.md with its plots.
# Takes about an hour on 2 cores that have nothing else to do; anything else that runs shows in the figures.
#
#   ./launch/benchmark_engine.sh FOLDER [options of benchmarks/decode.py]
#
# FOLDER keeps what was measured. Uses python of $GRAM_VENV (default .venv) with the extras 'interop' and
# 'plots'. STATIC=CHECKOUT of github.com/youtube/static-constraint-decoding adds it to the comparison; without
# it a note says so. Codes of a shop: --codes=WORKDIR/codes --titles=WORKDIR/prepare/shop/products.jsonl
set -euo pipefail
folder=$(mkdir -p "${1:?FOLDER to keep the measurements in}" && cd "$1" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${GRAM_VENV:-.venv}/bin/python
export PYTHONPATH=.
"$python" benchmarks/trie.py ${STATIC:+--static="$STATIC"} | tee "$folder/trie.md"
"$python" benchmarks/shortlist.py | tee "$folder/shortlist.md"
"$python" benchmarks/decode.py --profile --sweep --output "$folder/decode.json" \
  --page docs/results/engine.md --also "$folder/trie.md" "$folder/shortlist.md" "$@"
