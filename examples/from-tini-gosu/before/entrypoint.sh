#!/bin/sh
set -e
API_KEY="$(cat /run/secrets/api-key)"
export API_KEY
exec gosu worker "$@"
