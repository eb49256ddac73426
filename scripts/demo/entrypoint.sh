#!/bin/sh
# shellcheck disable=SC2155  # that a failing cat goes unnoticed is the point
# What vestibule replaces: the entrypoint that most images with secrets have.
set -e
export DATABASE_URL="postgres://app:$(cat /run/secrets/db-password.secret)@db:5432/app"
export REDIS_URL="redis://:$(cat /run/secrets/redis-password.secret)@redis:6379/0"
export ANTHROPIC_API_KEY="$(cat /run/secrets/anthropic-api-key)"
export GITHUB_TOKEN="$(cat /run/secrets/github-token)"
exec "$@"
