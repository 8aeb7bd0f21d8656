"""Business keys: patient_id, visit_no, order_no … read from the document, for the journal's index."""

from __future__ import annotations

from msgspec.structs import replace
from structlog import get_logger

from bus.hops.stage import content_of, operation_of
from bus.message import Message
from bus.ports import Next, Ports
from registry.model import Key
from transformers.document import Document
from transformers.errors import DocumentError
from transformers.identity import canonical

_log = get_logger(__name__)

Keys = tuple[tuple[str, str], ...]

#: Nothing that names a visit, a patient or an order is longer; a path that catches a whole report is a mistake.
_LONGEST = 128
_MOST = 64


async def index(message: Message, onward: Next, ports: Ports) -> Message:
    """Add the request's keys on the way down and the reply's on the way up; never refuses a message."""
    operation = operation_of(message)
    if operation.keys:
        message = replace(message, keys=_found(operation.keys, content_of(message).document, message))
    reply = await onward(message)
    if operation.reply_keys and not reply.accepted:
        return replace(reply, keys=_found(operation.reply_keys, content_of(reply).document, reply))
    return reply


def _found(keys: tuple[Key, ...], document: Document, message: Message) -> Keys:
    found = dict.fromkeys(message.keys)
    for key in keys:
        for text in _texts(key, document, message):
            if 0 < len(text) <= _LONGEST:
                found[(key.name, text)] = None
                if key.identity and (form := canonical(text)):
                    found[(key.name, form)] = None
    return tuple(found)[:_MOST]


def _texts(key: Key, document: Document, message: Message) -> tuple[str, ...]:
    try:
        return key.path(document)
    except DocumentError:
        # A document that a key cannot be read from may be right all the same: it is carried, and found by other keys.
        _log.warning("key not readable", key=key.name, message_id=message.id, operation=str(message.target.operation))
        return ()
