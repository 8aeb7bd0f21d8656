"""A real browser, the console of a real demo run, and the console of a bus that nobody has called yet."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from outside import absent
from playwright.sync_api import Browser, sync_playwright
from ports import free_port
from running_console import RunningConsole, meridian
from watched_page import WatchedPage

from services.demo.environment import make_secrets

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; gone with its module, as its event loop would be in others' way."""
    if not CHROMIUM.exists():
        absent("Chromium (Debian: chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    """Nine visits with faults, so that one is compensated; the bus stays up."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = meridian("demo", "--visits", "9", "--faults", "--port", str(port), "--keep", str(folder))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    assert child.stdout is not None
    try:
        told = ""
        for line in child.stdout:
            told += line
            if line.startswith("visits:"):
                break
        visit = re.search(r"^a visit +(\S+)", told, re.MULTILINE)
        assert visit, told
        settings = {"MERIDIAN_DATA": str(folder / "data"), "MERIDIAN_PORT": str(port)}
        yield RunningConsole(f"http://127.0.0.1:{port}", folder / "data", environ | settings, visit.group(1))
    finally:
        child.terminate()
        child.communicate(timeout=60)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    """A bus with the shipped catalogue that nobody has called yet."""
    folder, port = tmp_path_factory.mktemp("empty"), free_port()
    environ = os.environ | make_secrets() | {"MERIDIAN_DATA": str(folder / "data"), "MERIDIAN_PORT": str(port)}
    with (folder / "serve.log").open("wb") as log:
        child = subprocess.Popen(meridian("serve"), env=environ, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=2).close()
                break
            except OSError:
                if child.poll() is not None or time.monotonic() > end:
                    pytest.fail((folder / "serve.log").read_text(errors="replace")[-2000:])
                time.sleep(0.1)
        yield RunningConsole(url, folder / "data", environ)
    finally:
        child.terminate()
        child.wait(30)


@pytest.fixture
def visit_console(browser: Browser) -> Iterator[Callable[..., WatchedPage]]:
    """Open a tab on a console: signed in by a link, in a language, at a width."""
    tabs: list[WatchedPage] = []

    def enter(console: RunningConsole, language: str = "en", width: int = 1360, *, sign_in: bool = True) -> WatchedPage:
        tab = WatchedPage(browser, console.url, language, width)
        tabs.append(tab)
        if sign_in:
            tab.open(console.link())
        return tab

    yield enter
    for tab in tabs:
        tab.close()
