#!/bin/sh
# Installs the Debian packages of packages.txt that are missing. Needs root only if some are.
set -eu
here=$(dirname "$0")

missing=
# shellcheck disable=SC2013  # one word a line
for package in $(sed 's/#.*//' "$here/packages.txt"); do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing; install them as root:$missing" >&2
        exit 1
    fi
fi
install() {
    # shellcheck disable=SC2086  # a list of words, and an empty $sudo must vanish
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
echo "Installing:$missing"
# The package lists may be absent or too old to find the files: fetch them only then.
# shellcheck disable=SC2086
install || { $sudo apt-get update && install; }
