#!/usr/bin/env bash
# Puts a backup back where nothing is yet; stop the bus before, start it after.
#   restore.sh FOLDER [DATA]    FOLDER is what backup.sh made; DATA as there
set -euo pipefail
folder=${1:?say from where}
data=${2:-${MERIDIAN_DATA:-data}}
umask 077

echo "==> is the backup whole?"
(cd "$folder" && sha256sum --check --quiet SHA256SUMS)
if [ -e "$folder/database.dump" ]; then
    : "${MERIDIAN_DATABASE:?set it to the address of an empty database}"
    found=$(psql --no-psqlrc --tuples-only --no-align --dbname="$MERIDIAN_DATABASE" \
        --command="SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
    [ "$found" = 0 ] || { echo "restore: the database has $found tables already; give an empty one" >&2; exit 1; }
    echo "==> database"
    pg_restore --exit-on-error --single-transaction --no-owner --no-privileges \
        --dbname="$MERIDIAN_DATABASE" "$folder/database.dump"
else
    if [ -e "$data" ] && [ -n "$(ls -A "$data")" ]; then
        echo "restore: $data is not empty; move it away first" >&2; exit 1
    fi
    echo "==> files of $data"
    mkdir -p "$data"
    cp -R "$folder/data/." "$data/"
fi
echo "==> back as it was; \`meridian migrate --check\` says whether this release can work with it"
