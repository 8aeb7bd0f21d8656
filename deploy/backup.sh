#!/usr/bin/env bash
# Saves an installation while it runs.
#   backup.sh FOLDER [DATA]     FOLDER must not exist; DATA is the data folder, default $MERIDIAN_DATA or ./data
# With MERIDIAN_DATABASE the database is dumped in one snapshot (pg_dump); without it the SQLite files are copied by
# SQLite's own online backup, each whole in itself, the outbox last. Secrets of the environment are not in it.
set -euo pipefail
folder=${1:?say where to}
data=${2:-${MERIDIAN_DATA:-data}}
umask 077
mkdir "$folder"

if [ -n "${MERIDIAN_DATABASE:-}" ]; then
    echo "==> database"
    pg_dump --format=custom --no-owner --no-privileges --file="$folder/database.dump" --dbname="$MERIDIAN_DATABASE"
    pg_restore --list "$folder/database.dump" >/dev/null
else
    [ -e "$data/state.db" ] || { echo "backup: no installation in $data; give its data folder" >&2; exit 1; }
    echo "==> files of $data"
    "${PYTHON:-python3}" - "$data" "$folder" <<'PY'
import pathlib, shutil, sqlite3, sys

source, target = map(pathlib.Path, sys.argv[1:])
# The state last: whatever the copied journal says was accepted is then in the copied outbox, or was done meanwhile.
files = sorted(path for path in source.rglob("*") if path.is_file())
for path in sorted(files, key=lambda path: path.name == "state.db"):
    copy = target / "data" / path.relative_to(source)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".db":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as old, sqlite3.connect(copy) as new:
            old.backup(new, pages=1024)
            if new.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise SystemExit(f"backup: {path} is damaged")
        print(f"    {path.relative_to(source)}")
    elif not path.name.endswith(("-wal", "-shm", ".lock")):
        shutil.copy2(path, copy)
PY
fi
(cd "$folder" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS)
echo "==> $folder, $(du -sh "$folder" | cut -f1)"
