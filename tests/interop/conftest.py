"""The hospital of the suite, started once, and the matrix of what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interop.cases import CASES, PLAIN
from interop.clients import CLIENTS
from interop.faces import FACES
from interop.hospital import CONTRACTS, Laboratory, laboratory_open
from interop.matrix import CANNOT, FAILED, PASSED, UNKNOWN, plain
from interop.servers import SERVERS

MARKS = pytest.StashKey[dict[tuple[str, str, str], str]]()


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with laboratory_open(tmp_path_factory.mktemp("interop")) as found:
        yield found


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MARKS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note the outcome of each cell."""
    report = yield
    found = dict(report.user_properties).get("cell")
    if found is not None:
        mark = FAILED if report.failed else CANNOT if report.skipped else PASSED
        if report.when == "call" or not report.passed:
            item.config.stash[MARKS][found] = mark
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    marks = config.stash[MARKS]
    title = f"{PASSED} right   {FAILED} wrong   {CANNOT} the stack cannot, says docs/interop.md   {UNKNOWN} not run"
    places = [contract.name for contract in CONTRACTS]
    rows, columns = [case.name for case in CASES], [client.name for client in CLIENTS]
    terminalreporter.section("foreign SOAP stacks")
    terminalreporter.write_line(title)
    told = plain(f"\ncallers; in each cell: {', '.join(places)}\n", rows, columns, places, marks)
    terminalreporter.write_line(told)
    places = [face.name for face in FACES]
    rows, columns = [case.name for case in PLAIN], [server.name for server in SERVERS]
    told = plain(f"\nproviders; in each cell: {', '.join(places)}\n", rows, columns, places, marks)
    terminalreporter.write_line(told)
