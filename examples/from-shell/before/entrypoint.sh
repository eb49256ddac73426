#!/bin/sh
set -e
export POSTGRES_PASSWORD="$(cat /run/secrets/db-password)"
export DATABASE_URL="postgres://app:$POSTGRES_PASSWORD@db/app"
export GITHUB_TOKEN="$(cat /run/secrets/github-token)"
export STRIPE_KEY="$(cat /run/secrets/stripe-key)"
exec "$@"
