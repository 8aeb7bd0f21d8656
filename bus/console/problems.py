"""What a user sees when something is wrong: never a stack trace, always what to do next."""

from __future__ import annotations

import secrets

import structlog
from flask import Flask, Response, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

_log = structlog.get_logger(__name__)


def install(app: Flask) -> None:
    """Answer errors as a page, or as problem+json (RFC 9457) under ``/api``."""
    app.register_error_handler(CSRFError, lambda _: _answer(400, "expired"))
    app.register_error_handler(401, lambda _: _answer(401, "sign_in"))
    app.register_error_handler(403, lambda _: _answer(403, "forbidden"))
    app.register_error_handler(404, lambda _: _answer(404, "not_found"))
    app.register_error_handler(Exception, _unexpected)


def _unexpected(error: Exception) -> BaseResponse | tuple[str | Response, int]:
    if isinstance(error, HTTPException):
        return error.get_response()
    number = secrets.token_hex(4)
    _log.error("console_failed", number=number, path=request.path, exc_info=error)
    return _answer(500, "failed", number)


def _answer(status: int, word: str, number: str = "") -> tuple[str | Response, int]:
    if request.path.startswith("/api/"):
        body = jsonify(type=f"urn:meridian:problem:{word}", title=word.replace("_", " "), status=status)
        body.mimetype = "application/problem+json"
        return body, status
    return render_template("problem.html", word=word, number=number), status
