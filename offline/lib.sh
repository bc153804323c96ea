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

# need_engine_disk GIGABYTES: the same for the engine's images, where they are on this machine's own disk.
need_engine_disk() {
    local folder
    folder=$(docker info --format '{{.DockerRootDir}}')
    [ ! -d "$folder" ] || need_disk "$folder" "$1"
}

recipe_of() { docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null; }
image_exists() { docker image inspect "$1" >/dev/null 2>&1; }
hash_of() { cat "$@" | git hash-object --stdin | cut -c1-16; }

# wanted IMAGE RECIPE: true where IMAGE has to be made. An image without our label is someone's own, and is used as it is.
wanted() {
    image_exists "$1" || return 0
    local made_by
    made_by=$(recipe_of "$1")
    [ -n "$made_by" ] && [ "$made_by" != "$2" ]
}

# Whatever ends the script, its running step ends too, and then the script's own `clean_up`.
clean_up() { :; }
step_group=
end() {
    [ -z "$step_group" ] || kill -- "-$step_group" 2>/dev/null || true
    clean_up
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# step TITLE COMMAND...: run one long step with its output in a log file, a line now and then while it works, and its time.
# A failure names the step, shows the end of its log and says which Go module could not be had, if that was it.
step() {
    local title=$1 began=$SECONDS log refused
    shift
    mkdir -p "$cache/log"
    log=$cache/log/$(printf %s "$title" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' - | cut -c1-60).log
    set -m # a process group of its own, to be ended as one
    # The subshell, because a command that is waited for with || would run on after an error.
    (trap - EXIT; set -e; "$@") >"$log" 2>&1 </dev/null &
    step_group=$!
    set +m
    local tick=0
    while kill -0 "$step_group" 2>/dev/null; do
        sleep 0.2
        (( (tick += 1) % 150 )) || say "… $title ($((SECONDS - began)) s)"
    done
    local status=0
    wait "$step_group" || status=$?
    step_group=
    if [ $status != 0 ]; then
        tail -12 "$log" | sed 's/^/    /' >&2
        refused=$(sed -nE 's/.*[ "]([^ "]+): reading [^ ]+: ([^"]*).*/\1 (\2)/p' "$log" | sed -n 1p)
        [ -z "$refused" ] || fail "step \"$title\" failed because the Go module mirror refused $refused: have it served, or set GOPROXY to a mirror that does, then run this again; what is done is kept"
        fail "step \"$title\" failed; its whole log is $log. What is done is kept: run this again once the cause is gone"
    fi
    say "$title: $((SECONDS - began)) s"
}

# need_go: Go, with its caches inside ours, so that `make clean-cache` frees what these builds fill.
need_go() {
    local version
    version=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || true
    [ "$(printf '%s\n' 1.26 "${version:-0}" | sort -V | head -1)" = 1.26 ] ||
        fail "Go 1.26 or newer is needed to build $1, and there is ${version:-none}: install Go, or $1 itself"
    export GOMODCACHE=$cache/go/mod GOCACHE=$cache/go/build
}

# module_field MODULE@VERSION FIELD: what Go says of a module (Dir, GoMod), downloading it if need be.
module_field() {
    local said
    said=$(GOFLAGS=-mod=mod go mod download -json "$1") || { echo "$said" >&2; return 1; }
    sed -n "s/^[[:space:]]*\"$2\": \"\(.*\)\",\{0,1\}\$/\1/p" <<<"$said"
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
    elif docker pull -q debian:trixie-slim >/dev/null 2>&1; then
        echo registry
    else
        echo offline
    fi
}
