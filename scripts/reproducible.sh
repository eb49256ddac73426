#!/bin/sh
# Prints the part of cargo's configuration that keeps this machine's directories
# out of a binary, so that the same sources and compiler give the same bytes
# anywhere. For `cargo build --config FILE`; the crates have to be fetched before.
set -eu
cd "$(dirname "$0")/.."

# remap FROM TO: panics name their place by a path that the compiler was given.
remap() { printf '    "--remap-path-prefix=%s=%s",\n' "$1" "$2"; }

# Of several that fit, the compiler takes the last.
remaps() {
    remap "$PWD" .
    remap "${CARGO_TARGET_DIR:-$PWD/target}" target
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        remap "$registry" crates
    done
    # Where the standard library's sources are installed, it is shown by them.
    commit=$(rustc --version --verbose | sed -n 's/^commit-hash: //p')
    remap "$(rustc --print sysroot)/lib/rustlib/src/rust" "/rustc/$commit"
}

for machine in x86_64 aarch64; do
    printf '[target.%s-unknown-linux-musl]\nrustflags = [\n' "$machine"
    remaps
    printf ']\n'
done
