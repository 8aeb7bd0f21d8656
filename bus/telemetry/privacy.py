"""Keeps patients and secrets out of log lines, whoever wrote the line."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"

_LONGEST = 500

#: First or last words of a field name: whose personal data, and which.
_PERSONAL = re.compile(
    "patient|person|psn|birth|birthday|birthdate|dob|phone|mobile|tel|telephone|email|address|addr|card|idcard|idno|"
    "certno|mrn|visit|accession|settlement|姓名|身份证|身份证号|电话|手机|手机号|地址|住址|出生日期|病历号"
)
#: Whole field names: the numbers that lead to one patient.
_NUMBERED = re.compile("id_no|id_number|order_no|medical_record_no|mdtrt_id|setl_id|key_value|api_key")
#: Last words of a field name: secrets, and what may hold a document or its keys.
_CLOSED = re.compile(
    "password|passwd|secret|token|authorization|cookie|credentials?|apikey|nonce|"
    "body|payload|document|envelope|content|xml|json|data|request|reply|keys|values?"
)

# GB 11643 numbers of 18 and 15 places and mainland mobile numbers, standing alone.
_NUMBERS = re.compile(r"(?<![0-9A-Za-z])(?:\d{17}[\dXx]|\d{15}|(?:\+?86[- ]?)?1[3-9]\d{9})(?![0-9A-Za-z])")
_MARKUP = re.compile(r"<[A-Za-z?!/][^>]*>|[{\[]\s*\"")
_EDGES = re.compile(r"([a-z0-9])([A-Z])")


def hide(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: mask fields by name, numbers by shape, and documents wherever they turn up."""
    for key, value in event.items():
        if key != "exception":
            event[key] = HIDDEN if is_private(key) else safe(value)
    return event


@lru_cache(maxsize=1024)
def is_private(field: str) -> bool:
    """Whether a field of this name (snake_case, kebab-case or camelCase) may hold personal data or a secret."""
    name = _EDGES.sub(r"\1_\2", field).lower().replace("-", "_")
    first, last = name.partition("_")[0], name.rpartition("_")[2]
    return bool(
        _PERSONAL.fullmatch(first) or _PERSONAL.fullmatch(last) or _CLOSED.fullmatch(last) or _NUMBERED.fullmatch(name)
    )


def safe(value: Any) -> Any:
    """The value as it may be logged: numbers as they are, texts short and masked, everything else by its type."""
    if value is None or isinstance(value, bool | int | float):
        return HIDDEN if isinstance(value, int) and _NUMBERS.fullmatch(str(value)) else value
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, Mapping):
        return {str(key): HIDDEN if is_private(str(key)) else safe(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [safe(one) for one in value]
    return f"({type(value).__name__})"


def safe_text(text: str) -> str:
    """A text without identity and phone numbers, cut short, and no document at all."""
    if _MARKUP.search(text):
        return "(document)"
    return _NUMBERS.sub(HIDDEN, text if len(text) <= _LONGEST else text[:_LONGEST] + "…")
