"""What a user sees when something is wrong: never a stack trace, always what to do next."""

from __future__ import annotations

import secrets

import structlog
from flask import Flask, Response, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from bus.console.language import language
from bus.console.words import WORDS
from bus.errors import meaning
from transformers.errors import MeridianError

_log = structlog.get_logger(__name__)


def install(app: Flask) -> None:
    """Answer errors as a page, or as problem+json (RFC 9457) under ``/api``."""
    app.register_error_handler(CSRFError, lambda _: _answer(400, "expired"))
    app.register_error_handler(401, lambda _: _answer(401, "sign_in"))
    app.register_error_handler(403, lambda _: _answer(403, "forbidden"))
    app.register_error_handler(404, lambda _: _answer(404, "not_found"))
    app.register_error_handler(MeridianError, _known)
    app.register_error_handler(Exception, _unexpected)


def _unexpected(error: Exception) -> BaseResponse | tuple[str | Response, int]:
    if isinstance(error, HTTPException):
        status = error.code or 500
        return (
            _problem(status, error.name, error.description or "", code=str(status))
            if _is_api()
            else error.get_response()
        )
    number = secrets.token_hex(4)
    _log.error("console_failed", number=number, path=request.path, exc_info=error)
    return _answer(500, "failed", number)


def _known(error: MeridianError) -> tuple[str | Response, int]:
    """An error of the bus's own tree: its code and status, what was wrong, and what to do."""
    found = meaning(error)
    if _is_api():
        return _problem(found.status, found.en, str(error), code=found.code)
    chosen = language()
    title, hint = (found.zh, found.hint_zh) if chosen == "zh" else (found.en, found.hint_en)
    return render_template("problem.html", title_text=title, hint=hint, detail=str(error)), found.status


def _answer(status: int, word: str, number: str = "") -> tuple[str | Response, int]:
    """``word`` names the problem in the table of words."""
    title, hint = WORDS.say(word, language()), WORDS.say(f"{word}_hint", language())
    if _is_api():
        title, hint = WORDS.say(word, "en"), WORDS.say(f"{word}_hint", "en")
        return _problem(status, title, f"{hint} ({number})" if number else hint, code=word.replace("_", "-"))
    return render_template("problem.html", title_text=title, hint=hint, number=number), status


def _problem(status: int, title: str, detail: str, *, code: str) -> tuple[Response, int]:
    body = jsonify(type=f"urn:meridian:problem:{code}", title=title, status=status, detail=detail, code=code)
    body.mimetype = "application/problem+json"
    return body, status


def _is_api() -> bool:
    return request.path.startswith("/api/")
