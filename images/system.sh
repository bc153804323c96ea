#!/bin/sh
# usage: system.sh ROOT
# Makes the part of the file system that both services share: the C library, Python, certificates, time zones. Without a
# shell, a package manager, or anything else that runs, Python apart.
set -eu
here=$(dirname "$0")
root=$1
# shellcheck disable=SC2046  # a list of names
sh "$here/unpack.sh" "$root" $(grep -v '^#' "$here/system.packages")
cd "$root"

# Accounts: root's has to exist for tools that look up uid 0; the service's own is a number that no host uses.
printf '%s\n' root:x:0:0:root:/root:/sbin/nologin nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin > etc/passwd
printf '%s\n' root:x:0: nonroot:x:65532: > etc/group
echo 'hosts: files dns' > etc/nsswitch.conf

# Put together from the package, never copied from this build's own bundle, to which a company may have added its CA.
find usr/share/ca-certificates -name '*.crt' | LC_ALL=C sort | xargs cat > etc/ssl/certs/ca-certificates.crt
mkdir -p usr/lib/ssl
ln -s /etc/ssl/certs usr/lib/ssl/certs
ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem

# What a Python service does not use; the numbers are the KiB that each saves.
rm -r usr/sbin/* usr/bin/py3* usr/share/python3 usr/share/base-files usr/share/binfmts usr/share/ca-certificates usr/lib/binfmt.d \
    usr/games usr/include usr/src etc/skel etc/profile.d etc/update-motd.d etc/issue* etc/ca-certificates
rm -r usr/lib/*/gconv                                  # 7,882: iconv's tables; Python has its own codecs
for library in BrokenLocale anl c_malloc_debug expatw memusage mvec nsl nss_compat nss_hesiod pcprofile thread_db; do
    rm usr/lib/*/lib$library.so*                       # 1,670 in all
done
rm -r usr/lib/*/engines-3                              # 99: OpenSSL's old kind of plug-in
cd usr/lib/python3.13
rm -r test pydoc_data turtle.py                        # 2,061
rm _pydatetime.py _pydecimal.py _pyio.py               # 820: twins of compiled modules, which are here
# Terminal input, old databases, the interpreter's own tests: their libraries are left out, or nobody calls them.
rm -r _pyrepl curses lib-dynload/_curses* lib-dynload/readline.* lib-dynload/_dbm.* lib-dynload/_ctypes_test.* \
    lib-dynload/_test* lib-dynload/_xxtestfuzz.* lib-dynload/xx*

sh "$here/compile.sh" "$root" "$root/usr/lib/python3.13"
sh "$here/settle.sh" "$root"
