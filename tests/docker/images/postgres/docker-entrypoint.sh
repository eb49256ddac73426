#!/bin/bash
# What matters here of the official image's entrypoint: the first start makes a
# cluster that asks every network client for a password, refuses to make one
# without a password, and ends by executing the server in its own place.
set -euo pipefail

if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -g postgres -m 0700 "$PGDATA"
    install -d -o postgres -g postgres -m 3775 /run/postgresql
    exec setpriv --reuid postgres --regid postgres --init-groups -- "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
        exit 1
    fi
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    # No sync: a crash loses a cluster that lives as long as one test.
    initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync > /dev/null
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    if [ "$database" != postgres ]; then
        # As the official image does: a server nobody can reach over the network.
        pg_ctl --silent --wait start --log=/dev/null --options="-c listen_addresses=''"
        createdb --username="$user" --owner="$user" "$database"
        pg_ctl --silent --wait --mode=fast stop
    fi
fi

exec "$@" -c listen_addresses='*'
