#!/usr/bin/env bash
# Builds the static release binary; the last line says where it is.
# Without the musl target it links glibc statically: larger, but it runs.
source "$(dirname "$0")/lib.sh"

if has_component target "$MUSL"; then
    target=$MUSL
elif [ "${1:-}" = --musl-only ]; then
    complain "the target $MUSL is missing: rustup target add $MUSL"
    exit 1
else
    complain "the target $MUSL cannot be had, so this binary links the GNU C library statically"
    target=$GNU
    export RUSTFLAGS='-C target-feature=+crt-static'
fi
cargo build --quiet --locked --release --bin vestibule --target "$target"
echo "$TARGET_DIR/$target/release/vestibule"
