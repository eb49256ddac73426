#!/usr/bin/env bash
# scripts/fuzz.sh [SECONDS] [TARGET...]: each target (all of them) for so long
# (60 s), two at a time, from fuzz/seeds and what fuzz/corpus has grown to.
# With the address sanitizer through cargo-fuzz, which wants a nightly compiler;
# --smoke takes the compiler of rust-toolchain.toml, no sanitizer and no corpus.
source "$(dirname "$0")/lib.sh"

CARGO_FUZZ_VERSION=0.13.2
BUILD=$TARGET_DIR/fuzz
LOGS=$BUILD/logs

smoke=
[ "${1:-}" != --smoke ] || { smoke=1; shift; }
seconds=60
[[ ! "${1:-}" =~ ^[0-9]+$ ]] || { seconds=$1; shift; }
targets=("$@")
[ $# != 0 ] || mapfile -t targets < <(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' fuzz/Cargo.toml)

# What cargo-fuzz passes to the compiler, where no sanitizer is wanted.
COVERAGE='--cfg fuzzing -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares'

build_smoke() {
    local options=(--locked --profile smoke --manifest-path fuzz/Cargo.toml --target "$GNU"
        --target-dir "$BUILD/smoke" "${targets[@]/#/--bin=}")
    RUSTFLAGS=$COVERAGE cargo build "${options[@]}"
    # With the same flags, for nothing to be built twice.
    RUSTFLAGS=$COVERAGE cargo clippy "${options[@]}" -- -D warnings
}

build_sanitized() {
    local tools=$TARGET_DIR/tools
    [ "$("$tools/bin/cargo-fuzz" --version 2> /dev/null)" = "cargo-fuzz $CARGO_FUZZ_VERSION" ] ||
        cargo install --locked --root "$tools" "cargo-fuzz@$CARGO_FUZZ_VERSION"
    rustup run nightly rustc --version > /dev/null 2>&1 ||
        rustup toolchain install nightly --profile minimal
    RUSTUP_TOOLCHAIN=nightly PATH=$tools/bin:$PATH \
        cargo fuzz build --target "$GNU" --target-dir "$BUILD/sanitized"
}

# run TARGET: the fuzzer itself, quiet; its last words go to a log.
run() {
    local target=$1 status=0 folders=("fuzz/seeds/$1") binary=$BUILD/sanitized/$GNU/release
    if [ -n "$smoke" ]; then
        binary=$BUILD/smoke/$GNU/smoke
        # New inputs are kept for this run only, and the dice are loaded: what
        # is new in a change should not fail by chance.
        folders=("$(mktemp -d)" -seed=1 "${folders[@]}")
    else
        folders=("fuzz/corpus/$target" "${folders[@]}")
    fi
    mkdir -p "${folders[0]}" "fuzz/artifacts/$target"
    nice -n 15 "$binary/$target" -max_total_time="$seconds" -rss_limit_mb=2048 \
        -timeout=10 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/" \
        "${folders[@]}" > "$LOGS/$target.log" 2>&1 || status=$?
    [ -z "$smoke" ] || rm -rf "${folders[0]}"
    if [ "$status" != 0 ]; then
        complain "$target: $(grep -m 1 -A 1 -E 'panicked|ERROR|SUMMARY' "$LOGS/$target.log"); see $LOGS/$target.log"
        return 1
    fi
    printf '%-12s %s executions\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$LOGS/$target.log")"
}

mkdir -p "$LOGS"
# Where `collect` writes its files, a thousand times a second.
TMPDIR=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
if [ -n "$smoke" ]; then build_smoke; else build_sanitized; fi
failed=0
# Two at a time: a machine of two cores is shared with whoever works on it.
for ((at = 0; at < ${#targets[@]}; at += 2)); do
    jobs=()
    for target in "${targets[@]:at:2}"; do
        run "$target" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || failed=$((failed + 1)); done
done
[ "$failed" = 0 ] || { complain "$failed of ${#targets[@]} targets found something"; exit 1; }
