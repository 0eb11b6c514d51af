#!/bin/sh
# Writes the root file system that all images share to the tar file $1: Debian bookworm with Python 3.11 and tini.
# DEBIAN_MIRROR: another mirror than Debian's own.
set -eu

# merged-usr: without this hook bookworm's usrmerge comes in, and 50 MB of perl with it.
# rm: mmdebstrap leaves the building machine's name and resolver in the tree.
exec mmdebstrap --variant=apt --include=ca-certificates,python3,tini \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt=force-unsafe-io \
    --customize-hook='rm "$1/etc/hostname" "$1/etc/resolv.conf"' \
    bookworm "$1" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
