#!/usr/bin/env bash
# Makes up the passwords of a trial installation, once, and the broker's definitions with them.
set -euo pipefail
cd "$(dirname "$0")"

random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

if [ ! -e .env ]; then
    umask 077
    printf 'POSTGRES_PASSWORD=%s\nRABBITMQ_PASSWORD=%s\nRABBITMQ_COOKIE=%s\n' "$(random)" "$(random)" "$(random)" > .env
    echo "==> passwords in $PWD/.env"
fi
mkdir -p build
# shellcheck source=/dev/null
RABBITMQ_PASSWORD=$(. ./.env && echo "$RABBITMQ_PASSWORD") ../rabbitmq/definitions.sh > build/definitions.json
chmod 644 build/definitions.json
echo "==> the broker's definitions in $PWD/build"
