"""What can be ordered in the simulated hospital, with the price that the HIS knows. All of it is invented."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["consultation", "laboratory", "imaging", "drug"]


@dataclass(frozen=True, slots=True)
class Item:
    """One orderable thing: the hospital's code, its name, yuan per unit, and for images the DICOM modality."""

    code: str
    name: str
    kind: Kind
    price: Decimal
    modality: str = ""


_ITEMS = (
    Item("110200001", "普通门诊诊查费", "consultation", Decimal("50.00")),
    Item("250101015", "血细胞分析", "laboratory", Decimal("20.00")),
    Item("250305007", "血清丙氨酸氨基转移酶测定", "laboratory", Decimal("9.50")),
    Item("250307002", "肌酐测定", "laboratory", Decimal("8.30")),
    Item("250302001", "葡萄糖测定", "laboratory", Decimal("7.05")),
    Item("210200001", "胸部CT平扫", "imaging", Decimal("288.80"), "CT"),
    Item("210102015", "胸部正位数字摄影", "imaging", Decimal("65.50"), "DX"),
    Item("220301001", "腹部彩色多普勒超声", "imaging", Decimal("120.00"), "US"),
    Item("XJ01CAA040E001010104481", "阿莫西林胶囊", "drug", Decimal("12.36")),
    Item("XC09CAL086A001010100082", "氯沙坦钾片", "drug", Decimal("31.27")),
    Item("XA10BAE047A001010101128", "盐酸二甲双胍片", "drug", Decimal("16.89")),
    Item("XR05CBA206E002010100999", "盐酸氨溴索胶囊", "drug", Decimal("18.14")),
)

ITEMS = {item.code: item for item in _ITEMS}


def of_kind(kind: Kind) -> tuple[Item, ...]:
    """Answer the items of one kind, in a fixed order."""
    return tuple(item for item in _ITEMS if item.kind == kind)
