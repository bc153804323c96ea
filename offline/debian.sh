#!/bin/bash
# debian.sh SUITE [ARCHITECTURE]: make the image debian:SUITE-slim, or for another machine debian:SUITE-slim-ARCHITECTURE,
# from the package mirror that this machine uses, as the registry's image
# is made: the essential packages and apt, without documentation and translations.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
suite=$1
architecture=${2:-}
image=debian:$suite-slim${architecture:+-$architecture}
recipe=$(hash_of "$0")
wanted "$image" "$recipe" || exit 0
command -v mmdebstrap >/dev/null || fail "no registry can be reached and mmdebstrap is missing, which builds $image: apt-get install mmdebstrap"

# mirror ORIGIN-LABEL FALLBACK: the mirror apt is set up with on a Debian machine, so that a company's own is used.
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" 2>/dev/null | sed -n 1p; }
main=${DEBIAN_MIRROR:-$(mirror Debian)}
security=${DEBIAN_SECURITY_MIRROR:-$(mirror Debian-Security)}
[ -n "$main" ] || fail "apt knows no Debian mirror: set DEBIAN_MIRROR to the URL of one"
sources=("deb $main $suite main" "deb $main $suite-updates main")
[ -z "$security" ] || sources+=("deb $security $suite-security main")

options=()
for path in doc/* man/* groff/* info/* locale/* lintian/* linda/*; do options+=(--dpkgopt="path-exclude=/usr/share/$path"); done
options+=(--dpkgopt='path-include=/usr/share/doc/*/copyright')
# Over https, apt in the image needs this machine's CA bundle before it can install anything.
[[ $main != https:* ]] || options+=(--include=ca-certificates '--customize-hook=cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"')

make_image() {
    local name=tandem-import:$suite$architecture
    printf '%s\n' "${sources[@]}" | mmdebstrap --quiet --variant=minbase ${architecture:+--architectures=$architecture} "${options[@]}" "$suite" - - |
        docker import ${architecture:+--platform=linux/$architecture} --change 'CMD ["bash"]' --change "LABEL $label=$recipe" - "$name"
    # Named only once whole: an interrupted import leaves no image of the real name.
    docker tag "$name" "$image"
    docker rmi "$name"
}
step "build $image from the Debian mirror" make_image
