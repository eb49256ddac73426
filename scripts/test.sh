#!/usr/bin/env bash
# Runs the suites named, or all; ends with a table of what passed and what was
# not run and why, and with one line of totals. VESTIBULE_TEST_MANDATORY=1
# counts what was not run as failed, but for cargo-deny and shellcheck.
source "$(dirname "$0")/lib.sh"
source scripts/suites.sh

ALL=(format lints scripts docs dependencies advisories unsafe aarch64 binary demo unit coverage blackbox init git setup docker redteam release fuzz)
OPTIONAL=' advisories scripts '

if [ "${1:-}" = --accept-dependencies ]; then
    tree > docs/dependencies.txt
    # The fuzz targets have a lock file of their own; this adds what it lacks.
    cargo metadata --manifest-path fuzz/Cargo.toml --format-version 1 > /dev/null
    exit
fi
[ $# != 0 ] || scripts/prepare.sh
[ $# != 0 ] || set -- "${ALL[@]}"

logs=$TARGET_DIR/test-logs
# A failed claim says what it saw; where the harness was called from says little.
export RUST_BACKTRACE=0
mkdir -p "$logs"
passed=0 failed=0 skipped=0
rows=()

# sum WORD LOG: adds up the counts before a word in cargo's closing lines.
sum() {
    awk -v word="$1" '/^test result:/ { for (i = 2; i <= NF; i++) if ($i == word ";") total += $(i - 1) }
        END { print total + 0 }' "$2"
}

# record NAME STATUS SECONDS: counts a suite's tests and adds its row.
record() {
    local name=$1 status=$2 log=$logs/$1.log said="$3 s" good bad left reason
    reason=$(cat "$logs/reason" 2> /dev/null || true)
    good=$(sum passed "$log") bad=$(sum failed "$log") left=$(sum ignored "$log")
    # A claim that finds its ground missing says so and returns.
    local gave_up
    gave_up=$(grep -c '^skipped: ' "$log" || true)
    good=$((good - gave_up)) left=$((left + gave_up))
    if [ $((good + bad + left)) = 0 ]; then
        case $status in
            0) good=1 ;;
            77) left=1 ;;
            *) bad=1 ;;
        esac
    elif [ "$status" != 0 ] && [ "$status" != 78 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    local verdict="${GREEN}passed${PLAIN}      "
    if [ "$status" = 77 ] || [ "$status" = 78 ]; then
        verdict="${YELLOW}not run${PLAIN}     " said=$reason
        [ "$status" = 77 ] || verdict="${YELLOW}in part${PLAIN}     "
        if [ -n "${VESTIBULE_TEST_MANDATORY:-}" ] && [[ $OPTIONAL != *" $name "* ]]; then
            verdict="${RED}NOT RUN${PLAIN}     "
            bad=$((bad + 1))
            [ "$status" = 78 ] || left=0
        fi
    elif [ "$bad" != 0 ]; then
        verdict="${RED}FAILED${PLAIN}      " said="$3 s; see $log"
    elif [ "$left" != 0 ]; then
        said="$said; $(sed -n 's/^skipped: //p' "$log" | sort -u | head -n 3 | paste -sd ';')"
    fi
    rows+=("$(printf '%-13s %s%5s passed %3s failed %3s skipped   %s' "$name" "$verdict" "$good" "$bad" "$left" "$said")")
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
}

for suite; do
    declare -F "suite_$suite" > /dev/null || { complain "there is no suite $suite; choose from ${ALL[*]}"; exit 1; }
    say "$suite"
    rm -f "$logs/reason"
    start=$SECONDS status=0
    # A suite of its own shell, where `set -e` holds: as part of a condition it
    # would not.
    set +e
    (set -e; "suite_$suite") > "$logs/$suite.log" 2>&1 < /dev/null
    status=$?
    set -e
    case $status in
        0) grep -E '^test result:|at most|^[0-9]+ crates|^  [a-z]+ +[0-9.]+ %' "$logs/$suite.log" || true ;;
        77 | 78) echo "not run: $(cat "$logs/reason")" ;;
        *) grep -vE '^test .* \.\.\. ok$|^ +Compiling' "$logs/$suite.log" | tail -n 60 || true ;;
    esac
    record "$suite" "$status" $((SECONDS - start))
done

printf '\n'
printf '%s\n' "${rows[@]}"
printf '\n%s\n' "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
