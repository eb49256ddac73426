#!/usr/bin/env bash
# Line coverage of the rooms that decide who gets what, by the unit tests: a
# table, and a failure below LEAST. Needs the toolchain's llvm-tools.
source "$(dirname "$0")/lib.sh"

ROOMS=(policy collect connection)
# In per cent. Work done in a forked child that ends by _exit writes no profile and
# counts as not run, and so does what only the claims about the whole program reach.
LEAST=88

has_component component llvm-tools || { complain 'llvm-tools are missing: rustup component add llvm-tools'; exit 1; }
tools=$(dirname "$(find "$(rustc --print sysroot)" -name llvm-profdata -path '*/bin/*' | head -n 1)")
[ -x "$tools/llvm-cov" ] || { complain 'llvm-cov is missing: rustup component add llvm-tools'; exit 1; }

work=$TARGET_DIR/coverage
rm -rf "$work/profiles"
export CARGO_TARGET_DIR=$work RUSTFLAGS='-C instrument-coverage' LLVM_PROFILE_FILE=$work/profiles/%p-%m.profraw
cargo test --quiet --locked --lib --no-run
program=$(cargo test --locked --lib --no-run --message-format json 2> /dev/null |
    grep -o '"executable":"[^"]*"' | cut -d '"' -f 4 | tail -n 1)
quietly "$program" --quiet

"$tools/llvm-profdata" merge -sparse -o "$work/all.profdata" "$work"/profiles/*.profraw
low=0
for room in "${ROOMS[@]}"; do
    "$tools/llvm-cov" report "$program" -instr-profile "$work/all.profdata" \
        -ignore-filename-regex '/tests(/|\.rs$)' "src/$room" > "$work/$room.txt"
    # A line for each file and one for all: the name, then regions, functions and
    # lines, each as how many, how many missed, and the share.
    awk -v room="$room" -v least=$LEAST '
        $8 ~ /^[0-9]+$/ && $8 > 0 { share = 100 * ($8 - $9) / $8 }
        $1 ~ /\.rs$/ && share < least { low[$1] = share }
        $1 == "TOTAL" {
            printf "  %-12s %5.1f %% of %d lines\n", room, share, $8
            for (file in low) printf "    %-30s %5.1f %%\n", file, low[file]
            exit share < least
        }' "$work/$room.txt" || low=1
done
exit $low
