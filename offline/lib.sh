# Shared by offline/*.sh and tools/cluster/*.sh: sourced, never run.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
offline=$root/offline
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tandem
label=tandem.offline # on every image made here; its value is the hash of the recipe
# shellcheck source=versions.env
. "$offline/versions.env"

say() { echo "$(basename "$0" .sh): $*"; }
fail() { echo "$(basename "$0" .sh): $*" >&2; exit 1; }

need_engine() {
    command -v docker >/dev/null || fail "no Docker engine here: install Docker (on bare Debian: sudo tools/engine.sh), then run this again"
    docker info >/dev/null 2>&1 ||
        fail "the Docker engine does not answer: start it (systemctl start docker, Docker Desktop, or sudo tools/engine.sh), then run this again"
}

# need_disk PATH GIGABYTES: stop early rather than fill a disk half way.
need_disk() {
    local free
    free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$2" ] || fail "$1 has $free GB free and this needs $2 GB: free some (make clean-cache, docker system df), then run this again"
}

recipe_of() { docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null; }
image_exists() { docker image inspect "$1" >/dev/null 2>&1; }
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# wanted IMAGE RECIPE: true where IMAGE has to be made. An image without our label is someone's own, and is used as it is.
wanted() {
    image_exists "$1" || return 0
    local made_by
    made_by=$(recipe_of "$1")
    [ -n "$made_by" ] && [ "$made_by" != "$2" ]
}

# step NAME COMMAND...: run one long step with its output in a log file, a line while it works, and its time.
# A failure names the step and shows the end of its log.
step() {
    local name=$1 began=$SECONDS log pid
    shift
    mkdir -p "$cache/log"
    log=$cache/log/$(tr -c 'a-z0-9\n' - <<<"${name,,}").log
    # A subshell of its own, so that `set -e` holds inside the command too.
    (set -e; "$@") >"$log" 2>&1 &
    pid=$!
    trap 'kill $pid 2>/dev/null' EXIT
    while kill -0 $pid 2>/dev/null; do
        sleep 0.2
        if (( SECONDS - began > 0 && (SECONDS - began) % 30 == 0 && SECONDS != ${said:-0} )); then
            said=$SECONDS
            say "… $name ($((SECONDS - began)) s)"
        fi
    done
    trap - EXIT
    wait $pid || { tail -15 "$log" | sed 's/^/    /' >&2; fail "step \"$name\" failed; the whole log is $log"; }
    say "$name: $((SECONDS - began)) s"
}

# world: `registry` where container images can be pulled, `offline` where they have to be built. Found out once, by
# pulling the smallest image that everything needs; the engine's image store remembers the answer.
world() {
    case ${TANDEM_WORLD:-} in
        registry | offline) echo "$TANDEM_WORLD"; return ;;
        '') ;;
        *) fail "TANDEM_WORLD=$TANDEM_WORLD is neither registry nor offline" ;;
    esac
    if image_exists debian:trixie-slim; then
        if [ -n "$(recipe_of debian:trixie-slim)" ]; then echo offline; else echo registry; fi
    elif timeout 90 docker pull -q debian:trixie-slim >/dev/null 2>&1; then
        echo registry
    else
        echo offline
    fi
}
