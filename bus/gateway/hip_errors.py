"""Errors as HIPMessageServer callers read them: acknowledgements AE and AR in their own frame and style."""

from __future__ import annotations

from bus.errors import NotAuthenticated, ProviderFault, meaning
from bus.gateway.answer import Answer
from bus.gateway.faults import reply_charset
from bus.gateway.words import Lang, error_headers, without_trace
from bus.hops.hip_target import is_hip, received, stamp_of
from bus.message import Message
from bus.payload import label, write
from registry.model import Hip, Snapshot
from transformers import charset as charsets
from transformers.errors import MeridianError, Violation
from transformers.hip.model import Verdict
from transformers.soap import seal

#: Violations that one text names; the journal has all of them.
_NAMED = 3


def hip_of(message: Message, snapshot: Snapshot) -> Hip | None:
    """The HIPMessageServer that a message called, or None where it called something else."""
    service = snapshot.services.get(message.target.service)
    version = service.versions.get(message.target.version or service.default) if service is not None else None
    return version.hip if version is not None and is_hip(message) else None


def hip_error(error: MeridianError, message: Message, hip: Hip, lang: Lang) -> Answer | None:
    """The acknowledgement that says what went wrong; None where no message could be read to answer to.

    AR says that the message was refused, AE that it failed on its way. It goes out under HTTP 200, as old callers
    read nothing else; only a missing credential stays 401, and asks for one.
    """
    content = message.content
    if content is None:
        return None
    try:
        call = received(content)
    except MeridianError:
        return None
    row = meaning(error)
    verdict = Verdict("AR" if row.side == "caller" else "AE", _text(error, message, row.zh if lang == "zh" else row.en))
    stamp = stamp_of(message, hip)
    answer, charset = call.answer(call.acknowledged(verdict, stamp), stamp), reply_charset(message)
    status = row.status if isinstance(error, NotAuthenticated) else 200
    if content.envelope is None:
        return Answer(status, label(answer, charset), write(answer, charset), error_headers(error))
    version = content.envelope.version
    media = f"{version.media_type}; charset={charsets.wire_name(charset)}"
    return Answer(status, media, seal(answer, version, charset=charset), error_headers(error))  # type: ignore[arg-type]


def _text(error: MeridianError, message: Message, title: str) -> str:
    """One line: what it is, the provider's or the bus's own words, the first places, and where to look it up."""
    words = without_trace(error.reason) if isinstance(error, ProviderFault) else ""
    violations: tuple[Violation, ...] = getattr(error, "violations", ())
    places = "; ".join(f"{one.path}: {one.message}" for one in violations[:_NAMED])
    told = [f"{title}: {words or error}", *([places] if places else []), f"消息号 {message.id}"]
    text = "; ".join(told)
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
