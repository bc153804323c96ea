#!/bin/bash
# Starts PostgreSQL; on an empty PGDATA makes the database first. The variables are those of the registry's image:
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and POSTGRES_INITDB_ARGS, each also as NAME_FILE; POSTGRES_HOST_AUTH_METHOD.
set -euo pipefail
fail() { echo "postgres: $*" >&2; exit 1; }

# Only the server needs all this: `psql`, `bash` and the like run as they are asked.
case ${1:-} in -*) set -- postgres "$@" ;; esac
[ "${1:-}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

mkdir -p "$PGDATA"
# PostgreSQL insists on a folder that is its own and closed to others; a volume's root in Kubernetes seldom is.
[ -O "$PGDATA" ] || fail "$PGDATA does not belong to uid $(id -u): set PGDATA to a folder below it, which will be made"
chmod 700 "$PGDATA"

setting() { # setting NAME DEFAULT: the variable, else its file's content, else the default
    local file=$1_FILE
    [ -z "${!1:-}" ] || [ -z "${!file:-}" ] || fail "$1 and $file are both set: choose one"
    if [ -n "${!file:-}" ]; then
        [ -r "${!file}" ] || fail "$file names ${!file}, which uid $(id -u) cannot read"
        cat "${!file}"
    else
        printf %s "${!1:-$2}"
    fi
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=$(setting POSTGRES_USER postgres)
    password=$(setting POSTGRES_PASSWORD '')
    database=$(setting POSTGRES_DB "$user")
    initdb_args=$(setting POSTGRES_INITDB_ARGS '')
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    [ -n "$password" ] || [ "$method" = trust ] || fail "the database is new and POSTGRES_PASSWORD is not set: set it, or POSTGRES_PASSWORD_FILE"

    # Made beside its place and moved there when whole, PG_VERSION last: a run that is cut off is simply done again.
    new=$PGDATA/.new
    rm -rf "$new"
    mkdir "$new"
    # shellcheck disable=SC2086 # the arguments are a list
    initdb --pgdata="$new" --username="$user" --pwfile=<(printf '%s\n' "${password:-unused}") $initdb_args
    printf '\nhost all all all %s\n' "$method" >>"$new/pg_hba.conf"

    # Nobody outside may connect before the database and the scripts are in.
    PGPASSWORD=$password; PGUSER=$user; export PGPASSWORD PGUSER
    pg_ctl --pgdata="$new" --wait start -o "-c listen_addresses='' -p ${PGPORT:-5432}"
    run() { psql --no-psqlrc --no-password --set=ON_ERROR_STOP=1 --dbname="$1" "${@:2}"; }
    [ "$database" = postgres ] || run postgres --set=name="$database" <<<'CREATE DATABASE :"name";'
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sql) run "$database" --file="$file" ;;
            *.sql.gz) gunzip -c "$file" | run "$database" ;;
            *.sh) POSTGRES_USER=$user POSTGRES_DB=$database bash "$file" ;;
        esac
    done
    pg_ctl --pgdata="$new" --wait --mode=fast stop
    mv "$new"/[!P]* "$new"/PG_VERSION "$PGDATA"
    rmdir "$new"
    unset PGPASSWORD PGUSER
    echo "postgres: database \"$database\" made for user \"$user\""
fi
exec "$@"
