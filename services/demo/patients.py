"""Invented patients: plausible names, identity numbers whose check digit is right and whose owner does not exist."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from transformers.identity import check_digit, key15

_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
#: Some are rare, and some hold a GBK trail byte that looks like ASCII punctuation: 珅瑋弢 (7C), 玘 (5E).
_GIVEN = (
    "镕",
    "珅",
    "瑋",
    "弢",
    "玘",
    "喆",
    "子涵",
    "梓萱",
    "建国",
    "秀英",
    "小东",
    "志强",
    "桂兰",
    "思远",
    "雨桐",
    "晨曦",
)
_DEPARTMENTS = ("03", "03.03", "03.04", "04", "05", "50")
_DOCTORS = ("D1001", "D1002", "D1003", "D1004")
#: Region code of Beijing's Chaoyang district; sequence numbers are counted up and belong to nobody.
_REGION = "110105"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit as the kiosk sends it: ``request`` is the body of POST /rest/visits/start."""

    visit_no: str
    request: dict[str, Any]


def identity_number(birth: str, sequence: int, *, female: bool) -> str:
    """Answer an 18-character number (GB 11643) for a birth date of eight digits; the sequence's parity says the sex."""
    serial = sequence % 490 * 2 + (0 if female else 1)
    first17 = f"{_REGION}{birth}{serial:03d}"
    return first17 + check_digit(first17)


def visits(count: int, *, seed: int = 0, first: int | None = None, day: str = "") -> Iterator[Visit]:
    """Answer ``count`` visits with numbers that start at ``first`` (default: the second of the day).

    Old patients come with a 15-digit number about every other time.
    """
    dice = Random(seed)  # noqa: S311 - invented people need no secrecy
    start = int(time.time()) % 86400 if first is None else first
    day = day or time.strftime("%y%m%d")
    for number in range(count):
        female = dice.random() < 0.5
        birth = f"{dice.randint(1935, 2015):04d}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}"
        id_no = identity_number(birth, start + number, female=female)
        if birth < "1970" and dice.random() < 0.5:
            id_no = key15(id_no)
        visit_no = f"MZ{day}{(start + number) % 100000:05d}"
        patient = {
            "name": dice.choice(_SURNAMES) + dice.choice(_GIVEN),
            "id_no": id_no,
            "sex": "2" if female else "1",
            "birth_date": f"{birth[:4]}-{birth[4:6]}-{birth[6:]}",
            "phone": f"199{dice.randint(0, 99999999):08d}",
        }
        department, doctor = dice.choice(_DEPARTMENTS), dice.choice(_DOCTORS)
        request = {"visit_no": visit_no, "department": department, "doctor": doctor, "patient": patient}
        yield Visit(visit_no, request)
