"""What a provider's HTTP status means for the bus: a reply to read, or an error of the one tree."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from msgspec.structs import replace

from bus.errors import ProviderError, ProviderLied, ProviderRefusedUs, ProviderUnavailable
from bus.message import Message
from bus.ports import Inbound
from registry.model import Provider

#: The provider stands, or what stands before it says that it does not.
GATEWAY_FAILURES = frozenset({502, 503, 504})

_UNAVAILABLE = GATEWAY_FAILURES | {429}


def refusal(inbound: Inbound, provider: Provider, endpoint: str) -> ProviderError | None:
    """Answer the error that this response is, or None when it is a reply (a SOAP fault is one, whatever its status)."""
    status = inbound.status
    if status < 300:
        return None
    if status in (401, 403):
        return ProviderRefusedUs(
            f"{endpoint} answered {status}: it does not accept the bus's credential",
            endpoint=endpoint,
            http_status=status,
        )
    if status in _UNAVAILABLE:
        if provider.protocol != "rest" and carries_envelope(inbound, provider):
            return None
        return ProviderUnavailable(
            f"{endpoint} answered {status}: unavailable for now",
            endpoint=endpoint,
            retry_after=retry_after(inbound.headers.get("retry-after", "")),
            http_status=status,
        )
    if status < 400:
        return ProviderLied(
            f"{endpoint} answered {status}: redirects are not followed; register the address it moved to",
            endpoint=endpoint,
        )
    return None


def is_failure(inbound: Inbound, provider: Provider) -> bool:
    """Whether the breaker counts this response against the endpoint: 502, 503 and 504 that carry no SOAP envelope."""
    return inbound.status in GATEWAY_FAILURES and not (
        provider.protocol != "rest" and carries_envelope(inbound, provider)
    )


def carries_envelope(inbound: Inbound, provider: Provider) -> bool:
    """Whether the body looks like a SOAP envelope with a fault. NULs are dropped for the sake of UTF-16."""
    any_type = provider.quirks is not None and provider.quirks.content_type == "any"
    if "xml" not in inbound.headers.get("content-type", "").lower() and not any_type:
        return False
    body = inbound.body.replace(b"\0", b"")
    return b"Envelope" in body and b"Fault" in body


def reply_message(message: Message, inbound: Inbound, provider: Provider) -> Message:
    """Answer the reply as a message; a reply that declares no charset is taken to be in the provider's."""
    content_type = inbound.headers.get("content-type", "")
    return replace(
        message,
        body=inbound.body,
        content_type=content_type,
        headers=inbound.headers,
        charset=declared_charset(content_type) or provider.charset,
        status=inbound.status,
        content=None,
        wire=None,
        attachments=inbound.attachments,
    )


def declared_charset(content_type: str) -> str:
    """The ``charset`` parameter of a content type (RFC 9110 §8.3.2), or an empty text."""
    position = content_type.lower().find("charset=")
    return content_type[position + 8 :].partition(";")[0].strip(" \"'") if position >= 0 else ""


def retry_after(value: str) -> float:
    """Seconds of a ``Retry-After`` header (RFC 9110 §10.2.3): a number or a date; 0 for none or nonsense."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
