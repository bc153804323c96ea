#!/bin/bash
# usage: tools/compose.sh up|watch|down
# Docker Compose with what it does not do itself: base images where no registry can be reached, and one clear sentence for
# a port that is taken. WEB_PORT and API_PORT choose the ports.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=../offline/lib.sh
. offline/lib.sh
# shellcheck source=build-env.sh
. tools/build-env.sh
export WEB_PORT=${WEB_PORT:-5000} API_PORT=${API_PORT:-5001}

need_engine
docker compose version >/dev/null 2>&1 || fail "docker has no compose: install its plugin (on Debian: apt-get install docker-compose)"

need_port() { # need_port VARIABLE SERVICE
    local port=${!1}
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] || fail "$1=$port is not a port: choose one from 1 to 65535"
    # A service of our own that runs keeps its port.
    [[ $(docker compose ps --format '{{.Publishers}}' "$2" 2>/dev/null) != *" $port "* ]] || return 0
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
        fail "port $port on 127.0.0.1 is taken: stop what listens there, or choose another for $2: make up $1=5050"
}

# Compose only says which container failed, and the container why: here is the reason of the first, in compose.yaml's order.
explain() { # explain BEGAN
    local services service state said
    services=$(sed -n '/^services:/,/^networks:/ s/^  \([a-z-]*\):$/\1/p' compose.yaml)
    for service in $services; do
        state=$(docker compose ps --all --format '{{.State}}/{{.ExitCode}}/{{.Health}}' "$service")
        case $state in '' | created/* | exited/0/* | running/*/healthy) continue ;; esac
        said=$(docker compose logs --no-color --no-log-prefix --since "$1" "$service" 2>&1 | sed 's/^\x1b\[2K//' | grep .) || true
        # PostgreSQL goes on after its reason; the services' own is their last line.
        fail "$service could not start: $(grep -om1 'FATAL:  .*' <<<"$said" || tail -n 1 <<<"$said")"
    done
    fail "Compose could not start the services: the reason stands above"
}

case ${1:-} in
    up)
        need_port WEB_PORT web
        need_port API_PORT api
        tools/images.sh
        began=$(date +%s)
        docker compose up --detach --wait --quiet-pull || explain "$began"
        echo "web: http://127.0.0.1:$WEB_PORT/users"
        echo "api: curl -H \"Authorization: Bearer \$(docker compose exec -T api python -c 'print(open(\"/run/secrets/api_token\").read())')\" http://127.0.0.1:$API_PORT/users"
        ;;
    watch)
        need_port WEB_PORT web
        need_port API_PORT api
        offline/base-images.sh
        began=$(date +%s)
        trap : INT # Ctrl-C reaches Compose too, which then leaves with 130: how this is meant to end
        status=0
        docker compose -f compose.yaml -f compose.dev.yaml watch || status=$?
        [ "$status" = 0 ] || [ "$status" = 130 ] || explain "$began"
        say "no longer watching; the services run on until \`make down\`"
        ;;
    down) docker compose down ;; # the volumes stay, and with them the users: `docker compose down --volumes` removes both
    *) fail "usage: tools/compose.sh up|watch|down" ;;
esac
