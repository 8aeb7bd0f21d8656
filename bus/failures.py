"""Says what went wrong inside the bus without saying what was in the message."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from structlog import get_logger

from bus.message import Message

_log = get_logger(__name__)


def log_unexpected(error: BaseException, message: Message) -> None:
    """Log the kind and the places of an error nobody expected, never its text: that may quote a document."""
    places = [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    _log.error(
        "unexpected failure",
        kind=f"{type(error).__module__}.{type(error).__qualname__}",
        places=places[-8:],
        message_id=message.id,
        flow_id=message.flow,
        service=message.version.service if message.version else "",
        operation=message.operation.name if message.operation else "",
    )
