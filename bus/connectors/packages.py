"""A request as a package: the root with what it attaches behind it, written while it is sent."""

from __future__ import annotations

from msgspec.structs import replace

from bus.attachments import length, written
from bus.message import Message
from bus.ports import Outbound, Package
from transformers.related import MEDIA, RelatedWriter, Style


def packaged(outbound: Outbound, message: Message, style: Style) -> Outbound:
    """Answer the request with the message's attachments behind its body, and say that a package may come back."""
    headers = {**outbound.headers, "Accept": f"{MEDIA}, {outbound.headers['Accept']}"}
    attachments = message.attachments
    if attachments is None:
        return replace(outbound, headers=headers)
    writer = RelatedWriter(style, headers["Content-Type"])
    headers["Content-Type"] = writer.content_type
    size = length(outbound.body, writer, attachments)
    if size is None:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(size)
    package = Package(written(outbound.body, writer, attachments), size, attachments)
    return replace(outbound, headers=headers, package=package)
