# Shared by the scripts here: source it, it runs nothing by itself but the
# choice of the toolchain.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The compiler that rust-toolchain.toml names.
RUST_VERSION=1.95.0
MUSL=$(uname -m)-unknown-linux-musl
GNU=$(uname -m)-unknown-linux-gnu
TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export RUST_VERSION MUSL GNU TARGET_DIR

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' YELLOW='' PLAIN=''
fi
export BOLD DIM RED GREEN YELLOW PLAIN

say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }
complain() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" > /dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Runs a command silently; only a failure shows what it said.
quietly() {
    local said status=0
    said=$("$@" 2>&1) || status=$?
    [ "$status" = 0 ] || complain "$said"
    return "$status"
}

# rustup may be told not to install what rust-toolchain.toml names. A machine
# whose `stable` is that very version has all we need under another name.
choose_toolchain() {
    have cargo || { complain 'cargo is missing: install Rust with rustup (https://rustup.rs)'; exit 1; }
    [ -z "${RUSTUP_TOOLCHAIN:-}" ] && have rustup || return 0
    rustup run "$RUST_VERSION" rustc --version > /dev/null 2>&1 && return
    if rustup run stable rustc --version 2> /dev/null | grep -q "^rustc $RUST_VERSION "; then
        export RUSTUP_TOOLCHAIN=stable
        return
    fi
    complain "installing Rust $RUST_VERSION"
    if ! quietly rustup toolchain install "$RUST_VERSION" --profile minimal -c clippy -c rustfmt; then
        complain "Rust $RUST_VERSION could not be installed"
        exit 1
    fi
}

# has_component KIND NAME: whether the toolchain has a target or a component,
# after an attempt to add it.
has_component() {
    local kind=$1 name=$2
    case $kind in
        target) [ -d "$(rustc --print sysroot)/lib/rustlib/$name/lib" ] && return ;;
        component) rustup component list --installed 2> /dev/null | grep -q "^$name" && return ;;
    esac
    have rustup && rustup "$kind" add "$name" > /dev/null 2>&1
}

# release_build TARGET...: the static binary as it is shipped, for one machine or
# several; says where they are. The same sources and compiler give the same bytes
# in any directory.
release_build() {
    local target
    mkdir -p "$TARGET_DIR"
    cargo fetch --quiet --locked "${@/#/--target=}"
    scripts/reproducible.sh > "$TARGET_DIR/reproducible.toml"
    cargo build --quiet --config "$TARGET_DIR/reproducible.toml" --locked --release \
        --bin vestibule "${@/#/--target=}"
    for target; do
        echo "$TARGET_DIR/$target/release/vestibule"
    done
}

engine_answers() {
    have docker && docker version --format '{{.Server.Version}}' > /dev/null 2>&1
}

choose_toolchain
