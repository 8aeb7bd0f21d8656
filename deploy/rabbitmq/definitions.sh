#!/usr/bin/env bash
# Prints RabbitMQ's definitions for Meridian: its virtual host, its user (RABBITMQ_PASSWORD) and what that may touch.
# Exchange and queues are the bus's own to declare: `meridian backbone check` compares them with what it wants.
set -euo pipefail
: "${RABBITMQ_PASSWORD:?set the password of the user meridian}"

# The salted hash of RabbitMQ (rabbit_password_hashing_sha256): base64 of a salt of four bytes and its SHA-256 with the password.
hash() {
    local salt digest
    salt=$(head -c 4 /dev/urandom | od -An -tx1 | tr -d ' \n')
    digest=$({ printf '%b' "$(printf '%s' "$salt" | sed 's/../\\x&/g')"; printf '%s' "$RABBITMQ_PASSWORD"; } | sha256sum | cut -d' ' -f1)
    printf '%b' "$(printf '%s' "$salt$digest" | sed 's/../\\x&/g')" | base64 -w0
}

cat <<JSON
{
  "vhosts": [{"name": "meridian", "default_queue_type": "quorum"}],
  "users": [{
    "name": "meridian", "password_hash": "$(hash)",
    "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []
  }],
  "permissions": [{
    "user": "meridian", "vhost": "meridian",
    "configure": "^meridian(\\\\..*)?$", "write": "^meridian(\\\\..*)?$", "read": "^meridian(\\\\..*)?$"
  }]
}
JSON
