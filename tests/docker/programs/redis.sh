# shellcheck shell=bash
# What was set is there after a restart, from a snapshot and from the log.
start() {
    redis-server --daemonize yes --port 0 --unixsocket "$PWD/socket" --pidfile "$PWD/pid" \
        --appendonly yes --logfile "$PWD/log"
    await redis-cli -s socket ping
}
start
same "$(redis-cli -s socket set key value)" OK
same "$(redis-cli -s socket save)" OK
redis-cli -s socket bgrewriteaof
redis-cli -s socket bgsave schedule
redis-cli -s socket set other value
redis-cli -s socket shutdown
await test ! -e socket
start
same "$(redis-cli -s socket get key) $(redis-cli -s socket get other)" 'value value'
redis-cli -s socket shutdown
tries redis-server "$WITHHELD"
echo worked
