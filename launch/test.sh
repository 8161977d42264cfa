#!/usr/bin/env bash
# Makes the environment if need be and runs the checks and the tests.
# Arguments go to pytest: ./launch/test.sh tests/trie -k oracle
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./launch/setup.sh
venv=${GRAM_VENV:-.venv}
if [[ $# -eq 0 ]]; then
  "$venv/bin/ruff" check .
  "$venv/bin/lint-imports"
  # A file of tests stays in one process, so that what it shares is made once; the longest come first.
  set -- -n 2 --dist loadfile --no-loadscope-reorder tests/pulse tests/faults tests/multi_device tests
fi
exec "$venv/bin/python" -m pytest "$@"
