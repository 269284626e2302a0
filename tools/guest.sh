#!/bin/sh
# guest.sh CACHE OUT: leaves the Linux guest as OUT/vmlinuz and OUT/initrd.gz. The kernel and busybox
# are Debian's packages, downloaded into CACHE and unpacked, not installed.
set -eu
cache=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$cache" "$out"

update() {
    if [ "$(id -u)" = 0 ]; then apt-get update; else sudo apt-get update; fi
}

download() { # package: the .deb goes into the current folder
    apt-get download -q -o APT::Sandbox::User="$(id -un)" "$1"
}

# Unpacks package $1 into CACHE/$1_VERSION unless it is there, and links CACHE/$2 to it.
fetch() {
    version=$(apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p')
    [ -n "$version" ] || return 1
    dir=$1_$version
    if [ ! -d "$cache/$dir" ]; then
        echo "Fetching $1 $version"
        rm -rf "$cache/new"
        mkdir "$cache/new"
        (cd "$cache/new" && download "$1" && dpkg-deb -x ./*.deb . && rm ./*.deb) || return 1
        mv "$cache/new" "$cache/$dir"
    fi
    ln -sfn "$dir" "$cache/$2"
}

fetch_all() {
    # The metapackage names the newest kernel.
    kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*-cloud-amd64\)$/\1/p')
    [ -n "$kernel" ] && fetch "$kernel" linux && fetch busybox-static busybox
}

# A package list that is absent or too old is fetched once; without a network the last copy serves.
if ! fetch_all && ! { update && fetch_all; }; then
    if [ ! -e "$cache/linux" ] || [ ! -e "$cache/busybox" ]; then
        echo "The Linux guest could not be downloaded" >&2
        exit 1
    fi
fi

cmp -s "$cache"/linux/boot/vmlinuz-* "$out/vmlinuz" || cp "$cache"/linux/boot/vmlinuz-* "$out/vmlinuz"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/root" "$root/sys" "$root/tmp"
cp "$cache/busybox/bin/busybox" "$root/bin/"
"$root/bin/busybox" --list | while read -r applet; do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
ln -s bin/busybox "$root/init"
cp -r "$here/initramfs/." "$root/"
chmod -R u=rwX,go=rX "$root"
chmod 755 "$root/etc/rcS"
find "$root" -exec touch -h -d @0 {} +
# Sorted, with fixed times and owners: the same input gives the same file.
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) |
    gzip -9n >"$out/initrd.new"
if cmp -s "$out/initrd.new" "$out/initrd.gz"; then
    rm "$out/initrd.new"
else
    mv "$out/initrd.new" "$out/initrd.gz"
fi
