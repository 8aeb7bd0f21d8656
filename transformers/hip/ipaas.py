"""HIPMessageServer over REST, as integration platforms (iPaaS) offer it: JSON with the document in base64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from transformers.charset import read
from transformers.document import Document, Element, Json
from transformers.errors import ContractViolation, DocumentError, Violation
from transformers.hip.families import family_of
from transformers.hip.model import Stamp
from transformers.hip.received import Received
from transformers.xml import local_name, parse, serialise


@dataclass(frozen=True, slots=True)
class Post(Received):
    """A JSON message; ``fields`` are all that it held."""

    fields: Mapping[str, Json]

    def answer(self, document: Element | None, stamp: Stamp) -> dict[str, Json]:
        """The answer in the same form, on its way back: sender and receiver have changed places."""
        told = {name: self.fields.get(name) for name in ("client_msg_id", "group_id")}
        made = written(
            local_name(document) if document is not None else self.action,
            document,
            stamp,
            sender=_text(self.fields.get("recv_id")) or stamp.device,
            receiver=_text(self.fields.get("send_id")),
        )
        return {**made, **told, "server_msg_id": stamp.id}


def read_post(body: Document) -> Post:
    """Read a JSON message. Raises ContractViolation that names the field at fault."""
    if not isinstance(body, dict):
        raise _refused("", "the message is no JSON object")
    action = _text(body.get("content_type")).strip()
    if not action:
        raise _refused("/content_type", "content_type names the action; it is missing")
    held = body.get(action)
    if not isinstance(held, str):
        raise _refused(f"/{action}", "the field that content_type names holds the document in base64; it is missing")
    try:
        document = parse(read(base64.b64decode("".join(held.split()), validate=True)).text_utf8)
    except (binascii.Error, ValueError) as error:
        raise _refused(f"/{action}", "the document is not base64") from error
    except DocumentError as error:
        raise _refused(f"/{action}", f"it holds no usable document: {error}") from error
    return Post(action or family_of(document).action(document), document, body)


def written(action: str, document: Element | None, stamp: Stamp, *, sender: str, receiver: str) -> dict[str, Json]:
    """A JSON message with this document; times carry their zone (ISO 8601)."""
    time = stamp.time
    moment = f"{time[:4]}-{time[4:6]}-{time[6:8]}T{time[8:10]}:{time[10:12]}:{time[12:14]}+08:00"
    held = base64.b64encode(serialise(document, declaration=True)).decode("ascii") if document is not None else ""
    return {
        "client_msg_id": stamp.id,
        "server_msg_id": None,
        "gmt_create": moment,
        "gmt_send": moment,
        "send_id": sender,
        "recv_id": receiver,
        "group_id": None,
        "content_type": action,
        action: held,
    }


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _refused(path: str, message: str) -> ContractViolation:
    return ContractViolation(f"the message cannot be read: {message}", (Violation(path, message, "message"),))
