#!/usr/bin/env bash
# Makes a Docker engine answer, where that needs no more than Debian's packages.
source "$(dirname "$0")/lib.sh"

engine_answers && exit 0
if ! have dockerd || ! have docker; then
    say 'installing docker.io and docker-compose'
    quietly as_root apt-get update
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends docker.io docker-compose iptables
fi

# start [OPTION...]: starts the daemon and waits until it answers or has ended.
start() {
    local log daemon
    log=$(mktemp)
    as_root dockerd "$@" > "$log" 2>&1 < /dev/null &
    daemon=$!
    for _ in $(seq 60); do
        engine_answers && return
        kill -0 "$daemon" 2> /dev/null || break
        sleep 1
    done
    tail -n 5 "$log" >&2
    kill "$daemon" 2> /dev/null || true
    return 1
}

say 'starting dockerd'
# Without overlay mounts, plain copies still work.
start || start --storage-driver=vfs
