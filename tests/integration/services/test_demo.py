"""The main job: whole visits between separate processes, reconciled from the systems' own books."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from bus_process import meridian
from orthanc import USER, Orthanc
from ports import free_port

from services.simulators.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LAST = re.compile(r"visits: (\d+) completed, (\d+) compensated, (\d+) lost, (\d+) duplicated")


def run_demo(*arguments: str) -> tuple[int, str, tuple[int, ...]]:
    """Run the demo to its end; answer its exit status, its output and the figures of its last line."""
    done = subprocess.run(meridian("demo", *arguments, "--exit"), capture_output=True, text=True, timeout=280)
    found = LAST.fullmatch(done.stdout.rstrip("\n").rsplit("\n", 1)[-1])
    assert found, done.stdout + done.stderr
    return done.returncode, done.stdout, tuple(int(number) for number in found.groups())


def test_every_visit_is_completed_when_nothing_goes_wrong(tmp_path: Path) -> None:
    status, output, figures = run_demo("--visits", "6", "--keep", str(tmp_path))
    assert (status, figures) == (0, (6, 0, 0, 0)), output
    charged = Ledger(tmp_path / "ledgers" / "his.db", read_only=True)
    settled = Ledger(tmp_path / "ledgers" / "insurance.db", read_only=True)
    bills = {entry.visit_no: entry.amount for entry in charged.entries() if entry.kind == "charged"}
    assert bills == {entry.visit_no: entry.amount for entry in settled.entries() if entry.kind == "settled"}
    assert len(bills) == 6
    charged.close()
    settled.close()


def test_faults_end_in_completion_or_full_compensation_and_nothing_between(tmp_path: Path) -> None:
    status, output, (completed, compensated, lost, duplicated) = run_demo(
        "--visits", "20", "--faults", "--keep", str(tmp_path)
    )
    assert (status, lost, duplicated) == (0, 0, 0), output
    assert compensated == 2, output  # every ninth prescription of twenty is refused
    assert completed == 18
    books = Ledger(tmp_path / "ledgers" / "insurance.db", read_only=True)
    assert books.count("settlement-reversed") >= 2  # every seventh answer came too late
    books.close()


def test_the_same_holds_with_rabbitmq_as_the_broker(tmp_path: Path, rabbitmq_url: str) -> None:
    arguments = ("--visits", "12", "--faults", "--broker", rabbitmq_url, "--keep", str(tmp_path))
    status, output, figures = run_demo(*arguments)
    assert (status, figures) == (0, (11, 1, 0, 0)), output
    assert "guest:guest" not in output


def test_a_real_pacs_takes_the_place_of_the_simulated_one(tmp_path: Path) -> None:
    server = Orthanc(tmp_path / "orthanc", free_port(), "invented").start()
    try:
        address = server.url.replace("://", f"://{USER}:invented@")
        status, output, figures = run_demo("--visits", "5", "--pacs", address, "--keep", str(tmp_path))
        assert (status, figures) == (0, (5, 0, 0, 0)), output
        assert server.count() > 0
    finally:
        server.stop()


def test_an_interrupted_demo_ends_the_bus_and_every_system_it_started(tmp_path: Path) -> None:
    port = free_port()
    command = meridian("demo", "--visits", "1", "--port", str(port), "--keep", str(tmp_path))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line)
        if line.startswith("visits:"):
            break
    text = "".join(lines)
    assert re.search(r"^sign in +http://127\.0\.0\.1:\d+/login/once/\S+", text, re.MULTILINE), text
    assert re.search(r"^a visit +http://127\.0\.0\.1:\d+/visits/\S+", text, re.MULTILINE), text
    begun = _children(child.pid)
    assert len(begun) >= 8
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 0, "the visits had ended well, and leaving is no failure"
    assert [pid for pid in begun if Path(f"/proc/{pid}/stat").exists()] == []
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's leash is Linux's")
def test_a_killed_demo_leaves_neither_bus_nor_systems_behind(tmp_path: Path) -> None:
    port = free_port()
    command = meridian("demo", "--visits", "1", "--port", str(port), "--keep", str(tmp_path))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("ready"):
            break
    begun = _children(child.pid)
    assert len(begun) >= 8
    child.kill()
    child.communicate(timeout=10)
    end = time.monotonic() + 30
    while any(_state(pid) != "Z" for pid in begun) and time.monotonic() < end:
        time.sleep(0.1)
    assert [pid for pid in begun if _state(pid) != "Z"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_simulated_system_ends_by_itself_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, os, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'services.simulators', 'app', '--ledger', sys.argv[1],"
        " '--parent', str(os.getpid())], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "app.db")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    orphan = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 5
    while _state(orphan) != "Z" and time.monotonic() < end:
        time.sleep(0.1)
    assert _state(orphan) == "Z"


def _state(pid: int) -> str:
    """The process's state letter (proc(5)); Z for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
