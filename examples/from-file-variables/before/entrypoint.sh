#!/bin/bash
set -e

# What the official images do: VAR from the file that VAR_FILE names.
file_env() {
    local variable=$1 file=$1_FILE
    if [ "${!variable:-}" ] && [ "${!file:-}" ]; then
        echo >&2 "error: both $variable and $file are set"
        exit 1
    fi
    if [ "${!file:-}" ]; then
        export "$variable"="$(< "${!file}")"
    fi
    unset "$file"
}

file_env SMTP_PASSWORD
file_env SESSION_KEY
exec "$@"
