# The start of every script here; main runs it with its name as `$0`.
# shellcheck shell=bash
set -eu

# tries COMMAND...: by this program too the withheld secret cannot be read.
tries() {
    local said
    said=$("$@" 2>&1 || true)
    case $said in
        # What is said instead may be the secret.
        *"Permission denied"*) echo "refused: $1" ;;
        *) echo "not refused: $*" ;;
    esac
}

# await COMMAND...: until it succeeds.
await() {
    local turns=0
    until "$@" > /dev/null 2>&1; do
        turns=$((turns + 1))
        [ "$turns" -lt 300 ] || { echo "waited in vain for: $*"; exit 1; }
        sleep 0.1
    done
}

same() { [ "$1" = "$2" ] || { echo "got '$1' instead of '$2'"; exit 1; }; }

tries cat "$WITHHELD"
cd "$HOME"
