#!/usr/bin/env bash
# Makes an environment for Apache Beam if need be and tests there that Beam's results are the local ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${GRAM_BEAM_VENV:-.venv-beam}
if [[ ! $venv/installed -nt requirements-beam.txt ]]; then
  "${PYTHON:-python3.11}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-beam.txt
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  touch "$venv/installed"
fi
exec "$venv/bin/python" -m pytest tests/pipeline/test_beam.py "$@"
