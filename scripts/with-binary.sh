#!/usr/bin/env bash
# with-binary.sh COMMAND...: builds the binary (scripts/build.sh says which), then
# runs the command with its path in VESTIBULE_BINARY and the right toolchain.
source "$(dirname "$0")/lib.sh"

VESTIBULE_BINARY=$(scripts/build.sh | tail -n 1)
export VESTIBULE_BINARY
# To vestibule the same variable names a profile of a policy.
unset VESTIBULE_PROFILE
exec "$@"
