"""The journal's promises, kept in memory and in SQLite files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journal_conformance import DurableConformance, JournalConformance, Life

from bus.journal.memory import MemoryJournal
from bus.journal.open import open_journal
from bus.settings import Settings


def _memory(journal: MemoryJournal) -> Life:
    async def reborn() -> Life:
        ended = {record.id for record in journal.outcomes}
        return _memory(MemoryJournal(record for record in journal.intents if record.id not in ended))

    return Life(journal, journal, reborn)


class TestMemory(JournalConformance):
    @pytest.fixture
    def life(self) -> Life:
        return _memory(MemoryJournal())


class TestSqlite(DurableConformance):
    @pytest.fixture
    async def life(self, tmp_path: Path) -> AsyncIterator[Life]:
        lives: list[Life] = []

        async def born() -> Life:
            for life in lives:
                await life.journal.aclose()
            journal, reader = open_journal(Settings(data=tmp_path))
            await journal.start()
            lives.append(Life(journal, reader, born))
            return lives[-1]

        yield await born()
        await lives[-1].journal.aclose()
