# shellcheck shell=bash
# A cluster is made, asked, stopped and started again. PostgreSQL refuses to be
# root, so root becomes its user as entrypoints do.
as=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=postgres --regid=postgres --init-groups --reset-env)
    chown postgres .
fi
ctl=$(ls /usr/lib/postgresql/*/bin/pg_ctl)
pg_ctl() { "${as[@]}" "$ctl" --pgdata "$PWD/cluster" --wait "$@" > /dev/null; }
ask() { "${as[@]}" psql --host /tmp --no-psqlrc --quiet --tuples-only --no-align --dbname postgres --command "$1"; }
pg_ctl initdb --options '--no-sync --auth=trust'
options="-c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off"
pg_ctl start --log "$PWD/log" --options "$options"
ask 'CREATE TABLE numbers AS SELECT generate_series(1, 10000) AS number'
ask 'CREATE INDEX ON numbers (number)'
ask 'VACUUM ANALYZE numbers'
pg_ctl reload
pg_ctl restart --log "$PWD/log" --options "$options"
same "$(ask 'SELECT sum(number) FROM numbers')" 50005000
tries ask "SELECT pg_read_file('$WITHHELD')"
tries ask "COPY numbers FROM '$WITHHELD'"
pg_ctl stop
echo worked
