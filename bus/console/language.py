"""Which language a page is drawn in."""

from __future__ import annotations

from flask import g, request, session

from bus.console.words import Language, choose


def language() -> Language:
    """The language of this request: the one the user chose, else the browser's, else Chinese."""
    if "language" not in g:
        accepted = request.accept_languages.best_match(["zh", "zh-CN", "en"])
        g.language = choose(session.get("language"), accepted[:2] if accepted else None)
    chosen: Language = g.language
    return chosen
