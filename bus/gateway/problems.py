"""Errors as application/problem+json (RFC 9457), in the charset that the caller used."""

from __future__ import annotations

from bus.errors import ProviderFault, meaning
from bus.gateway.answer import Answer
from bus.gateway.explanations import explanation
from bus.gateway.faults import reply_charset
from bus.gateway.words import Lang, error_headers, retry_after, without_trace
from bus.message import Message
from bus.payload import write
from registry.contracts.openapi_errors import PASSED_ON
from registry.model import Operation
from transformers import charset as charsets
from transformers.document import Json
from transformers.errors import MeridianError, Violation


def rest_error(error: MeridianError, message: Message, lang: Lang) -> Answer:
    """Answer an error to a REST caller; ``message`` is as far as it came."""
    row = meaning(error)
    status = row.status
    if isinstance(error, ProviderFault) and error.http_status in PASSED_ON:
        status = error.http_status
    problem: dict[str, Json] = {
        "type": f"urn:meridian:problem:{row.code}",
        "title": row.zh if lang == "zh" else row.en,
        "status": status,
        "detail": str(error),
        "instance": message.id,
        "code": row.code,
    }
    violations: tuple[Violation, ...] = getattr(error, "violations", ())
    if violations:
        problem["violations"] = [{"path": one.path, "message": one.message} for one in violations]
    if seconds := retry_after(error):
        problem["retry_after"] = seconds
    if isinstance(error, ProviderFault):
        problem["provider"] = _provider(error, message.operation)
    charset = reply_charset(message)
    label = "application/problem+json"
    if charset != "utf-8":
        label += f"; charset={charsets.wire_name(charset)}"
    return Answer(status, label, write(problem, charset), error_headers(error))


def _provider(error: ProviderFault, operation: Operation | None) -> Json:
    told: dict[str, Json] = {"status": error.http_status, "code": error.code}
    if reason := without_trace(error.reason):
        told["reason"] = reason
    if error.detail is not None:
        told["detail"] = explanation(error.detail, operation.faults if operation is not None else None)
    return told
