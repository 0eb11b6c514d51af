#!/bin/sh
# Runs in the image after pip: takes out what no cluster runs, then compiles what is new.
set -eu
cd /opt/venv/lib/python3*/site-packages

# 75 MB of test suites, 30 MB of headers and unminified JavaScript (upstream's image drops the latter too).
find . -type d \( -name tests -o -path ./pyarrow/include -o -path ./bokeh/server/static/js/lib \) -prune -exec rm -rf {} +
find . -type f \( -name '*.js.map' -o -name '*.pyi' -o -name '*.pxd' \) -delete
find ./bokeh/server/static -type f -name '*.js' ! -name '*.min.js' -delete 2>/dev/null || true

# Bytecode is kept: without it every new pod compiles 900 modules before its scheduler or worker answers.
python3 -m compileall -q -j 0 .
