"""A console over a journal in memory, and one user of each role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from console_visit import console_over, visit
from flask.testing import FlaskClient

from bus.console.app import create_app
from bus.journal.memory import MemoryJournal
from bus.security.users import Role, Users
from bus.settings import Settings


@pytest.fixture
def journal() -> MemoryJournal:
    """A journal with nothing in it."""
    return MemoryJournal()


@pytest.fixture
async def full_journal(journal: MemoryJournal) -> MemoryJournal:
    """The same journal with the visit in it."""
    for record in visit():
        await journal.outcome(record)
    return journal


@pytest.fixture
def users(tmp_path: Path) -> Users:
    """One user of each role, its name the role's; only the viewer has a password."""
    found = Users(Settings(data=tmp_path))
    for role in Role:
        found.add(role.value, role, "viewer-password" if role is Role.VIEWER else "")
    return found


@pytest.fixture
def open_console(journal: MemoryJournal, users: Users, tmp_path: Path) -> Callable[..., FlaskClient]:
    """Open a browser's session: signed in as ``user`` (or not), in ``language``."""
    app = create_app(console_over(Settings(data=tmp_path), journal, users))
    app.config["WTF_CSRF_ENABLED"] = False

    def browse(user: str = "", language: str = "en") -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        if user:
            client.get(f"/login/once/{users.link(user)}")
        return client

    return browse
