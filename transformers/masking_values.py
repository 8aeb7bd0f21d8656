"""How one value is hidden, by what kind of value it is; enough stays to recognise it, not to use it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

#: Classes of fields (GB/T 39725-2020 Annex G, GB/T 35273). ``secret`` keeps nothing.
MaskKind = Literal["name", "id", "mobile", "phone", "address", "email", "card", "birth", "secret"]

_DISTRICT = re.compile(r".{0,20}?(?:(?<![小社园校])区|县|旗)")
_CITY = re.compile(r".{0,20}?[市州]")
_MOBILE = re.compile(r"1[3-9]\d{9}")

# Digits may be full-width: \d takes those too. Longer runs of digits are other numbers.
_ID18 = r"\d{6}(?:18|19|20|１８|１９|２０)\d{2}(?:[0０]\d|[1１][0-2０-２])(?:[0-2０-２]\d|[3３][01０１])\d{3}[\dXxＸｘ]"
_ID15 = r"\d{6}\d{2}(?:[0０]\d|[1１][0-2０-２])(?:[0-2０-２]\d|[3３][01０１])\d{3}"
_PHONE = r"[1１][3-9３-９]\d{9}"
_ANYWHERE = re.compile(rf"(?<![\dA-Za-z])(?:(?P<id>{_ID18}|{_ID15})|(?P<mobile>{_PHONE}))(?![\dA-Za-z])")


def mask_value(kind: MaskKind, text: str) -> str:
    """Hide a value of this kind. Blank text stays; whatever its length, something of it is always hidden."""
    stripped = text.strip()
    return _MASKS[kind](stripped) if stripped else text


def mask_text(text: str) -> str:
    """Hide identity numbers (of either length, right or wrong check digit) and mobile numbers anywhere in a text."""
    return _ANYWHERE.sub(lambda match: mask_value("id" if match["id"] else "mobile", match[0]), text)


def _keep(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail:
        head, tail = min(head, len(text) - 1, 1), 0
    return text[:head] + "*" * (len(text) - head - tail) + (text[-tail:] if tail else "")


def _name(text: str) -> str:
    return text[0] + "*" * (len(text) - 1) if len(text) > 1 else "*"


def _mobile(text: str) -> str:
    digits = unicodedata.normalize("NFKC", text).removeprefix("+86").strip(" -")
    return _keep(digits, 3, 4) if _MOBILE.fullmatch(digits) else _keep(text, 4, 2)


def _address(text: str) -> str:
    """Keep down to the district, or else the city, where one is named: never a street or a house."""
    match = _DISTRICT.match(text) or _CITY.match(text)
    kept = match[0] if match and len(match[0]) < len(text) else ""
    return kept + "*" * (len(text) - len(kept))


def _email(text: str) -> str:
    local, at, domain = text.partition("@")
    return local[:1] + "*" * max(len(local) - 1, 1) + at + domain if at else _name(text)


def _card(text: str) -> str:
    return _keep(text, 4, 4) if len(text) > 8 else _keep(text, 1, 2)


def _birth(text: str) -> str:
    """Keep the year; month and day go, separators stay so that the form can be seen."""
    return text[:4] + re.sub(r"\w", "*", text[4:]) if len(text) > 4 else "*" * len(text)


_MASKS: dict[MaskKind, Callable[[str], str]] = {
    "name": _name,
    "id": lambda text: _keep(text, 1, 2),
    "mobile": _mobile,
    "phone": _mobile,
    "address": _address,
    "email": _email,
    "card": _card,
    "birth": _birth,
    "secret": lambda text: "***",
}
