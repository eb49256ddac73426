#!/usr/bin/env bash
# Builds the static release binary; the last line says where it is.
# Without the musl target it links glibc statically: larger, but it runs.
source "$(dirname "$0")/lib.sh"

have cc || complain 'a C compiler is missing, to link with; on Debian: apt-get install gcc libc6-dev'

if has_component target "$MUSL"; then
    release_build "$MUSL"
    exit
elif [ "${1:-}" = --musl-only ]; then
    complain "the target $MUSL is missing: rustup target add $MUSL"
    exit 1
else
    complain "the target $MUSL cannot be had, so this binary links the GNU C library statically"
fi
export RUSTFLAGS='-C target-feature=+crt-static'
cargo build --quiet --locked --release --bin vestibule --target "$GNU"
echo "$TARGET_DIR/$GNU/release/vestibule"
