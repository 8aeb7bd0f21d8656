"""A page of a real browser that remembers everything it should not have had to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

CHECKS = Path(__file__).with_name("checks.js").read_text(encoding="utf-8")
LOCALES = {"zh": "zh-CN", "en": "en-US"}


class WatchedPage:
    """A tab of a fresh profile. ``complaints`` gathers errors of the console and requests to other origins."""

    def __init__(self, browser: Browser, base: str, language: str, width: int = 1360) -> None:
        self.base = base
        self.language = language
        self._context = browser.new_context(viewport={"width": width, "height": 900}, locale=LOCALES[language])
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._asked)

    def open(self, path: str) -> None:
        """Go to an address of the console."""
        answer = self.page.goto(path if path.startswith("http") else self.base + path)
        assert answer is not None
        assert answer.status < 400, f"{path}: {answer.status}"

    def widen(self, width: int) -> None:
        """Let the window be this wide; a page is the same for every width but for its style."""
        self.page.set_viewport_size({"width": width, "height": 900})

    def look(self) -> list[str]:
        """What is wrong with the page as it stands, and what went wrong on the way to it."""
        found: list[str] = [*self.complaints, *self.page.evaluate(CHECKS)]
        lang = self.page.get_attribute("html", "lang")
        if lang != {"zh": "zh-CN", "en": "en"}[self.language]:
            found.append(f"lang is {lang}")
        return found

    def close(self) -> None:
        """Close the tab and forget its profile."""
        self._context.close()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme != "data" and not request.url.startswith(self.base):
            self.complaints.append(f"asked {request.url}")
