#!/usr/bin/env bash
# Installs the bundle it lies in, without any network.
#   install.sh FOLDER [PYTHON]    a virtual environment at FOLDER, the documentation beside it in FOLDER/docs
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?say where to, for example /opt/meridian}
python=${2:-python3}

echo "==> is the bundle whole?"
(cd "$here" && sha256sum --check --quiet SHA256SUMS)
echo "==> virtual environment $folder"
"$python" -m venv --without-pip "$folder"
installer=$(find "$here/wheels" -name 'pip-*.whl')
"$folder/bin/python" "$installer/pip" install --quiet --no-index --find-links "$here/wheels" 'meridian-bus[dicom,wssec]'
cp -R "$here/docs" "$folder/"
"$folder/bin/meridian" --version
cat <<WORDS
==> what next
    try it       MERIDIAN_DATA=/tmp/meridian $folder/bin/meridian demo
    one machine  $folder/bin/meridian serve
    systemd      $here/deploy/systemd, with $folder/docs/deploy.md
WORDS
