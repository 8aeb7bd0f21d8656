"""What the log says of a registry that gives no new revision: who has to do something about it, and who has not."""

from __future__ import annotations

from structlog.testing import capture_logs

from bus.bootstrap import _warn
from registry.errors import RegistryError, RegistryUnavailable


def test_a_store_that_is_away_for_a_moment_is_no_refused_revision() -> None:
    with capture_logs() as lines:
        _warn(RegistryUnavailable("PostgreSQL at db:5432 cannot be read"))
    assert lines == [
        {"event": "registry away", "log_level": "warning", "reason": "PostgreSQL at db:5432 cannot be read"}
    ]


def test_a_revision_that_does_not_compile_is_an_error_with_its_first_problem() -> None:
    with capture_logs() as lines:
        _warn(RegistryError("manifest.yaml:3: no such table\nmanifest.yaml:9: no such file"))
    assert [(line["event"], line["log_level"], line["further_problems"]) for line in lines] == [
        ("revision refused", "error", 1)
    ]
