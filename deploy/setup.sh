#!/usr/bin/env bash
# Sets up what `make` needs: a virtual environment, the Python packages, programs from Debian or Ubuntu.
#   setup.sh venv DIR            create DIR with the newest Python >= 3.11 found (or $PYTHON)
#   setup.sh packages DIR SPEC   install SPEC (editable) and its dependencies into DIR
#   setup.sh debian PACKAGE...   install programs; their services are neither started nor enabled
set -euo pipefail

say() { printf '==> %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else fail "need root to run: $*"
    fi
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"; return
        fi
    done
    fail "no Python >= 3.11 found; install python3.11 or newer, or say make PYTHON=/path/to/python"
}

venv() {
    local python; python=$(find_python)
    [ -x "$1/bin/python" ] && "$1/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return
    say "virtual environment $1 with $("$python" --version)"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        debian "$("$python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")')"
    fi
    "$python" -m venv "$1"
}

packages() {
    say "Python packages ($2)"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --progress-bar on --editable "$2"
}

debian() {
    local missing=() package guard=""
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    command -v apt-get >/dev/null || fail "please install by hand: ${missing[*]}"
    say "Debian packages: ${missing[*]}"
    # A package's service must not come up on this machine: tests start their own nodes, as their own processes.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
        as_root chmod +x /usr/sbin/policy-rc.d
        guard=yes
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    [ -z "$guard" ] || as_root rm -f /usr/sbin/policy-rc.d
    for package in "${missing[@]}"; do
        case $package in rabbitmq-server|postgresql|orthanc)
            [ -d /run/systemd/system ] && as_root systemctl disable --quiet "$package" 2>/dev/null || true ;;
        esac
    done
}

command=${1:-}; shift || true
case $command in
    venv|packages|debian) "$command" "$@" ;;
    *) fail "say venv, packages or debian" ;;
esac
