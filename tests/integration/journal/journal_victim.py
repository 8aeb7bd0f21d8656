"""A process that writes a journal until it is killed, and prints what it was promised.

Run: ``python journal_victim.py FOLDER DATABASE``; an empty DATABASE means SQLite files in FOLDER. It prints
``intent ID`` or ``outcome ID`` once the record is on disk. Every fifth exchange
is left without its outcome.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from journal_conformance import a_record

from bus.journal.open import open_journal
from bus.ports import Body
from bus.settings import Settings


def acknowledge(word: str, name: str) -> None:
    """Past every buffer of this process, which is about to die."""
    os.write(1, f"{word} {name}\n".encode())


async def main() -> None:
    """Write from sixteen callers, for ever."""
    journal, _ = open_journal(Settings(data=Path(sys.argv[1]), database=sys.argv[2]))
    await journal.start()

    async def caller() -> None:
        number = 0
        while True:
            number += 1
            record = a_record(bodies=(Body("request", os.urandom(20).hex().encode() * 40, "text/xml"),))
            await journal.intent(record)
            acknowledge("intent", record.id)
            if number % 5:
                await journal.outcome(record)
                acknowledge("outcome", record.id)

    await asyncio.gather(*(caller() for _ in range(16)))


if __name__ == "__main__":
    asyncio.run(main())
