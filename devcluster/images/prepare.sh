#!/bin/sh
# Entrypoint of the Dask images: EXTRA_APT_PACKAGES, EXTRA_CONDA_PACKAGES, EXTRA_PIP_PACKAGES -> installed, then the command.
# It keeps the contract of upstream's prepare.sh (dask/dask-docker, base/), for an image without conda and without root.
set -eu
set -f # so that a requirement like bokeh[extra] is never taken for a file pattern

say() { echo "prepare.sh: $*"; }
refuse() {
    echo "prepare.sh: $*" >&2
    exit 1
}

if [ -n "${EXTRA_APT_PACKAGES:-}" ]; then
    [ "$(id -u)" = 0 ] || refuse "EXTRA_APT_PACKAGES='$EXTRA_APT_PACKAGES' needs root and this container runs as uid" \
        "$(id -u): build an image with these packages, or set securityContext.runAsUser: 0."
    say "installing EXTRA_APT_PACKAGES: $EXTRA_APT_PACKAGES"
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes $EXTRA_APT_PACKAGES
fi

if [ -e /opt/app/environment.yml ]; then
    refuse "/opt/app/environment.yml needs conda, which this image does not have: list the packages in packages.pip" \
        "(EXTRA_PIP_PACKAGES), or use the upstream image ghcr.io/dask/dask from its registry."
fi

if [ -n "${EXTRA_CONDA_PACKAGES:-}" ]; then
    python3 /usr/lib/dask-images/conda_packages.py $EXTRA_CONDA_PACKAGES
fi

if [ -n "${EXTRA_PIP_PACKAGES:-}" ]; then
    site=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    where=
    if [ ! -w "$site" ]; then # a read-only root, or neither root nor uid 1000
        extra=${TMPDIR:-/tmp}/extra-packages
        mkdir -p "$extra" || refuse "EXTRA_PIP_PACKAGES: neither $site nor $extra is writable: mount an emptyDir at /tmp."
        where="--prefix $extra"
        export PYTHONPATH="$extra/lib/${site#*/lib/}${PYTHONPATH:+:$PYTHONPATH}" PATH="$extra/bin:$PATH"
    fi
    say "installing EXTRA_PIP_PACKAGES: $EXTRA_PIP_PACKAGES"
    pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore $where $EXTRA_PIP_PACKAGES
fi

exec "$@"
