#!/usr/bin/env bash
# Makes .venv with the locked requirements and this package in it. Running it again is free.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || {
  echo "setup: $python not found. Install Python 3.11, or name one: PYTHON=/path/to/python $0" >&2
  exit 1
}
venv=${GRAM_VENV:-.venv}
wanted=$({ cat requirements.txt pyproject.toml; "$python" --version; pwd; } | sha256sum | cut -c1-16)
stamp=$venv/installed
if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
  exit 0
fi
echo "setup: installing the locked requirements into $venv (a few minutes the first time)" >&2
[[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" >"$stamp"
