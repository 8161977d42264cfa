#!/usr/bin/env bash
# Builds the documentation site strictly into build/site and checks its links.
#
#   ./launch/docs.sh            build and check
#   ./launch/docs.sh serve      show it at http://localhost:8000 and rebuild on every change
#
# Uses an environment of its own (.venv-docs, or $GRAM_DOCS_VENV): the site reads the sources without importing
# them, so the extra 'docs' alone is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${GRAM_DOCS_VENV:-.venv-docs}
wanted=$({ cat pyproject.toml; pwd; } | sha256sum | cut -c1-16)
stamp=$venv/installed
if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
  python=${PYTHON:-python3.11}
  [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
  "$venv/bin/python" -c 'import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*extras["docs"], sep="\n")' >"$venv/docs.txt"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$venv/docs.txt"
  echo "$wanted" >"$stamp"
fi
if [[ ${1:-} == serve ]]; then
  exec "$venv/bin/mkdocs" serve
fi
export NO_MKDOCS_2_WARNING=1
"$venv/bin/mkdocs" build --strict --quiet
"$venv/bin/python" docs/site/check_links.py build/site
