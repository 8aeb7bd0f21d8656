#!/usr/bin/env bash
# Packs everything that an isolated network needs into one file: the bus, its dependencies, documentation, deploy/.
#   bundle.sh PYTHON [FOLDER]     for the Python and the kind of machine it runs on; default folder: build
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
target=${2:-build}

version=$(sed -n 's/^version = //p' setup.cfg)
kind=$("$python" -c 'import platform, sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}")')
name="meridian-$version-$kind"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder="$work/$name"
mkdir -p "$folder/wheels" "$target"

echo "==> wheels of the bus and of everything it needs"
"$python" -m pip wheel --quiet --disable-pip-version-check --wheel-dir "$folder/wheels" '.[dicom,wssec]' pip
echo "==> documentation and deploy/"
cp -R docs README.md README.zh-CN.md LICENSE CHANGELOG.md "$folder/"
git ls-files deploy | tar -cf - -T - | tar -xf - -C "$folder"
cp deploy/install.sh "$folder/install.sh"
(cd "$folder" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS)
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -czf "$target/$name.tar.gz" "$name"
echo "==> $target/$name.tar.gz, $(du -h "$target/$name.tar.gz" | cut -f1), $(find "$folder/wheels" -name '*.whl' | wc -l) wheels"
echo "    on the other side: tar xf $name.tar.gz && $name/install.sh /opt/meridian"
