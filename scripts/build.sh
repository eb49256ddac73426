#!/usr/bin/env bash
# Builds the static binary as it is shipped; the last line says where it is.
# VESTIBULE_PROFILE=dev builds the same program without optimisation, in seconds:
# enough for every claim but those about size, speed or bytes. Without the musl
# target it links glibc statically: larger, but it runs.
source "$(dirname "$0")/lib.sh"

have cc || complain 'a C compiler is missing, to link with; on Debian: apt-get install gcc libc6-dev'

profile=${VESTIBULE_PROFILE:-release}
case $profile in
    release | dev) ;;
    *) complain "VESTIBULE_PROFILE is \"$profile\": it is release (the default) or dev"; exit 1 ;;
esac
if ! has_component target "$MUSL"; then
    if [ "${1:-}" = --musl-only ]; then
        complain "the target $MUSL is missing: rustup target add $MUSL"
        exit 1
    fi
    complain "the target $MUSL cannot be had, so this binary links the GNU C library statically"
    export RUSTFLAGS='-C target-feature=+crt-static'
    cargo build --quiet --locked --profile "$profile" --bin vestibule --target "$GNU"
    echo "$TARGET_DIR/$GNU/${profile/dev/debug}/vestibule"
elif [ "$profile" = dev ]; then
    cargo build --quiet --locked --bin vestibule --target "$MUSL"
    echo "$TARGET_DIR/$MUSL/debug/vestibule"
else
    release_build "$MUSL"
fi
