#!/bin/bash
# Install and start the Docker engine on a bare Debian machine (CI, a fresh virtual machine). Does nothing where one answers.
# On a laptop install Docker the usual way instead; nothing here is needed there.
set -euo pipefail
log=${ENGINE_LOG:-/var/log/tandem-dockerd.log}
fail() { echo "engine: $*" >&2; exit 1; }
answers() { docker info >/dev/null 2>&1; }

install_packages() {
    command -v apt-get >/dev/null || fail "no Docker engine, and no apt-get to install one with: install Docker, then run this again"
    [ "$(id -u)" = 0 ] || fail "no Docker engine: run this as root so that it can install one, or install Docker yourself"
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    compgen -G '/var/lib/apt/lists/*_InRelease' >/dev/null || apt-get update -q
    if [ "$suite" = bookworm ]; then
        # Debian 12's engine is too old for BuildKit's features: take these four from Debian 13, from the same mirror,
        # and nothing else (priority 50 loses to every installed or native version).
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | sed -n 1p)
        [ -n "$mirror" ] || fail "apt lists no Debian 12 mirror: check /etc/apt/sources.list.d"
        printf '%s\n' 'Types: deb' "URIs: $mirror" 'Suites: trixie' 'Components: main' \
            'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >/etc/apt/sources.list.d/tandem-trixie.sources
        printf '%s\n' 'Package: *' 'Pin: release n=trixie' 'Pin-Priority: 50' '' \
            'Package: docker.io docker-cli docker-buildx docker-compose' 'Pin: release n=trixie' 'Pin-Priority: 600' \
            >/etc/apt/preferences.d/tandem-trixie
        apt-get update -q
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        docker.io docker-cli docker-buildx docker-compose iptables mmdebstrap
}

if answers; then echo "engine: running ($(docker info --format '{{.ServerVersion}}'))"; exit; fi
if ! command -v dockerd || ! command -v mmdebstrap; then install_packages; fi >/dev/null
# A policy or a missing systemd may have kept the package from starting it. MTU 1400: tunnelled virtual networks drop larger packets.
# No userland proxy: the kernel forwards published ports, where otherwise a process would copy every byte.
if ! answers; then
    [ "$(id -u)" = 0 ] || fail "the Docker engine does not answer, and only root can start it: sudo systemctl start docker"
    setsid dockerd --userland-proxy=false --mtu 1400 --default-network-opt bridge=com.docker.network.driver.mtu=1400 >"$log" 2>&1 </dev/null &
fi
for _ in $(seq 60); do
    if answers; then echo "engine: started ($(docker info --format '{{.ServerVersion}}')), log in $log"; exit; fi
    sleep 0.5
done
tail -5 "$log" >&2 || true
fail "dockerd did not answer within 30 s; its log is $log"
