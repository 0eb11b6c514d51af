#!/bin/sh
# Writes the lock files again: *.in -> *.txt, with hashes, for the images' Python. Needs uv (pip install uv).
# The host's clients should agree with dask.txt, so run it when requirements.txt moves too.
set -eu
cd "$(dirname "$0")"

lock() {
    source=$1
    shift
    uv pip compile --quiet --upgrade --generate-hashes --custom-compile-command devcluster/images/locks/compile.sh \
        --python-version 3.11 --python-platform x86_64-manylinux_2_28 --only-binary :all: \
        "$source.in" --output-file "$source.txt" "$@"
}

lock dask
lock ml --constraint dask.txt
lock notebook --constraint dask.txt
lock operator --constraint dask.txt --override operator-overrides.in
