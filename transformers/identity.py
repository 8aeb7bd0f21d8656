"""Identity numbers: GB 11643 (citizens, 15 and 18 characters) and GB 32100 (organisations)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Literal

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_LONG = re.compile(r"[0-9]{17}[0-9X]")
_SHORT = re.compile(r"[0-9]{15}")
#: Sequence numbers that the 15-character form reserved for people born before 1900.
_CENTENARIANS = frozenset({"996", "997", "998", "999"})

_ORG_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

Sex = Literal["1", "2"]


def normalise(text: str) -> str:
    """Full-width to half-width (NFKC), no blanks, upper case: what a keyboard or a card reader may have added goes."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def check_digit(first17: str) -> str:
    """The 18th character for the first 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True)) % 11]


def valid(number: str) -> bool:
    """Whether this is a citizen's number of either length: digits, a real birth date, and for 18 the check digit."""
    text = normalise(number)
    if _SHORT.fullmatch(text):
        return birth_date(text) is not None
    return bool(_LONG.fullmatch(text)) and check_digit(text[:17]) == text[17] and birth_date(text) is not None


def to18(number: str) -> str:
    """The 18-character form of a 15-character number; an 18-character one is answered as it is.

    The result is a candidate key: 15-character numbers were issued twice now and then, so a link between two
    people's records needs name, sex and birth date as well. Raises ValueError for anything else.
    """
    text = normalise(number)
    if _LONG.fullmatch(text):
        return text
    if not _SHORT.fullmatch(text):
        raise ValueError("not a citizen's identity number of 15 or 18 characters")
    century = "18" if text[12:] in _CENTENARIANS else "19"
    longer = text[:6] + century + text[6:]
    return longer + check_digit(longer)


def key15(number: str) -> str:
    """The 15-character form, for matching against old records only. Raises ValueError for anything else."""
    text = normalise(number)
    if _SHORT.fullmatch(text):
        return text
    if not _LONG.fullmatch(text):
        raise ValueError("not a citizen's identity number of 15 or 18 characters")
    return text[:6] + text[8:17]


def birth_date(number: str) -> date | None:
    """The birth date that a number of either length holds, or None if it holds no real date."""
    text = normalise(number)
    if _SHORT.fullmatch(text):
        text = to18(text)
    if not _LONG.fullmatch(text):
        return None
    try:
        return date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return None


def sex(number: str) -> Sex | None:
    """The sex that a number of either length holds, in GB/T 2261.1 (1 male, 2 female), or None."""
    text = normalise(number)
    if _SHORT.fullmatch(text):
        return "1" if int(text[14]) % 2 else "2"
    if _LONG.fullmatch(text):
        return "1" if int(text[16]) % 2 else "2"
    return None


def canonical(text: str) -> str:
    """The form to index and to search by: 18 characters for a valid number of either length, else normalised text."""
    return to18(text) if valid(text) else normalise(text)


def valid_organisation(code: str) -> bool:
    """Whether this is a 统一社会信用代码 (GB 32100-2015) with a right check character."""
    text = normalise(code)
    if len(text) != 18 or not text[2:8].isdigit() or any(character not in _ORG_ALPHABET for character in text):
        return False
    total = sum(_ORG_ALPHABET.index(c) * weight for c, weight in zip(text[:17], _ORG_WEIGHTS, strict=True))
    return _ORG_ALPHABET[(31 - total % 31) % 31] == text[17]
