#!/bin/sh
# usage: unpack.sh ROOT PACKAGE…
# Unpacks Debian packages below ROOT, without running anything of theirs and without their manuals. Licences stay, and
# each package's control fields go to /var/lib/dpkg/status.d, where vulnerability scanners look in images without dpkg.
set -eu
root=$1
shift
mkdir -p "$root/var/lib/dpkg/status.d" /tmp/debs
cd /tmp/debs
apt-get update -qq
apt-get download -qq -o APT::Sandbox::User=root "$@"
# base-files goes first, whatever the order asked for: it makes /lib and /bin links, which others would make folders.
for deb in base-files_*.deb *.deb; do
    [ -e "$deb" ] || continue
    dpkg-deb --fsys-tarfile "$deb" | tar --extract --preserve-permissions --directory="$root" --keep-directory-symlink \
        --exclude='./usr/share/man' --exclude='./usr/share/info' --exclude='./usr/share/lintian' --exclude='./usr/share/bug' \
        --exclude='./usr/share/doc-base' --exclude='./usr/share/locale'
    dpkg-deb --field "$deb" > "$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
done
find "$root/usr/share/doc" -mindepth 2 ! -type d ! -name copyright -delete
find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
rm -r /tmp/debs /var/lib/apt/lists
