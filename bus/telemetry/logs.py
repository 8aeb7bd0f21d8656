"""One JSON object a line for everything that is logged, by us or by a library, with the ids of its message."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import structlog
from structlog.typing import Processor

from bus.settings import Settings, SettingsInvalid
from bus.telemetry.correlation import current
from bus.telemetry.privacy import hide, safe_text
from transformers.errors import MeridianError

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

_DEEPEST_CAUSE = 4
_MOST_FRAMES = 12


def configure_logging(settings: Settings, stream: BinaryIO | None = None) -> None:
    """Send every log line to ``stream`` (standard error by default) as one line of JSON.

    Libraries are heard from warnings upwards, and only with their text's template: its values may be a
    patient's. Raises SettingsInvalid for an unknown ``log_level``.
    """
    level = _LEVELS.get(settings.log_level.lower())
    if level is None:
        raise SettingsInvalid(f"log_level: must be one of {', '.join(_LEVELS)}")
    lines = _Lines(stream if stream is not None else sys.stderr.buffer)
    structlog.configure(
        processors=[*_PROCESSORS, structlog.processors.JSONRenderer(serializer=to_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Libraries(lines)], level=max(level, logging.WARNING), force=True)
    # Each failed connect is seven of its lines; the backbone tells the same in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def to_json(event: Any, **_: Any) -> bytes:
    """The event as one line of JSON, whatever it holds."""
    try:
        return orjson.dumps(event, default=str)
    except TypeError:
        # Lone surrogates and integers over 64 bits: orjson refuses them, and a log line must not raise.
        return json.dumps(event, default=str).encode("ascii")


class _Line(structlog.BytesLogger):
    """Writes lines, and knows the name of whose lines they are."""

    def __init__(self, name: str, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.name = name


class _Lines:
    """Makes the loggers; ``structlog.get_logger(__name__)`` passes the name."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, *names: Any) -> _Line:
        return _Line(str(names[0]) if names else "", self._stream)


class _Libraries(logging.Handler):
    """Takes what libraries log through the standard library."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of a library. Like every handler it must not raise into the library's code."""
        event: MutableMapping[str, Any] = {"event": _template(record)}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        line = self._lines(record.name)
        try:
            for processor in _PROCESSORS:
                event = processor(line, record.levelname.lower(), event)  # type: ignore[assignment]
            line.msg(to_json(event))
        except Exception:
            self.handleError(record)


def _template(record: logging.LogRecord) -> str:
    # The first line: asyncio writes the repr of the failed task, exception text included, on the second.
    return str(record.msg).partition("\n")[0]


def _name(logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["logger"] = getattr(logger, "name", "")
    ids = current()
    if ids is not None:
        event["flow"], event["message"] = ids
    return event


def _exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = describe_exception(error)
    return event


def describe_exception(error: BaseException) -> list[dict[str, object]]:
    """The error and its causes: class, frames as ``file:line function``, and the text only where it is ours.

    A foreign error's text may quote a document, and local variables always may: neither is written.
    """
    told: list[dict[str, object]] = []
    one: BaseException | None = error
    while one is not None and len(told) < _DEEPEST_CAUSE:
        entry: dict[str, object] = {"type": f"{type(one).__module__}.{type(one).__qualname__}", "frames": _frames(one)}
        if isinstance(one, MeridianError):
            entry["text"] = safe_text(str(one))
        told.append(entry)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return told


def _frames(error: BaseException) -> list[str]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-_MOST_FRAMES:]


_PROCESSORS: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    _exception,
    hide,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _name,
)
