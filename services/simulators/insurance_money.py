"""The arithmetic of a settlement: yuan as Decimal, and the sums that must agree to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_CENT = Decimal("0.01")
_FUND_SHARE = Decimal("0.70")
_ACCOUNT_LIMIT = Decimal("100.00")


class Refusal(Exception):
    """A business reason for infcode -1."""


def money(text: object) -> Decimal:
    """Read an amount sent as text with at most two decimals. Raises Refusal for a JSON number or a fraction."""
    if not isinstance(text, str):
        raise Refusal("金额应为字符串")
    amount = Decimal(text)
    if amount != amount.quantize(_CENT):
        raise Refusal("金额最多两位小数")
    return amount.quantize(_CENT)


@dataclass(frozen=True, slots=True)
class Fee:
    """One line of a bill: amount = price × count."""

    number: str
    amount: Decimal
    count: Decimal
    price: Decimal

    @staticmethod
    def read(line: dict[str, Any]) -> Fee:
        """Read a ``feedetail`` line."""
        return Fee(
            str(line["feedetl_sn"]), money(line["det_item_fee_sumamt"]), Decimal(line["cnt"]), Decimal(line["pric"])
        )

    def check(self) -> None:
        """Raise Refusal when the line's amount is not price times count."""
        if (self.price * self.count).quantize(_CENT, ROUND_HALF_UP) != self.amount:
            raise Refusal("det_item_fee_sumamt 不等于 pric 乘以 cnt")

    def answer(self) -> dict[str, str]:
        """Answer the line as a ``result`` entry."""
        return {
            "feedetl_sn": self.number,
            "det_item_fee_sumamt": str(self.amount),
            "cnt": str(self.count),
            "pric": str(self.price),
            "inscp_scp_amt": str(self.amount),
        }


def settlement(data: dict[str, Any], *, setl_id: str, msgid: str) -> dict[str, str]:
    """Answer ``setlinfo``: fund + person = total, account + cash = person, to the cent."""
    total = money(data["medfee_sumamt"])
    fund = (total * _FUND_SHARE).quantize(_CENT, ROUND_HALF_UP)
    person = total - fund
    account = min(person, _ACCOUNT_LIMIT) if data.get("acct_used_flag") == "1" else Decimal("0.00")
    return {
        "mdtrt_id": str(data["mdtrt_id"]),
        "setl_id": setl_id,
        "psn_no": str(data["psn_no"]),
        "med_type": str(data["med_type"]),
        "medfee_sumamt": str(total),
        "inscp_scp_amt": str(total),
        "fund_pay_sumamt": str(fund),
        "hifp_pay": str(fund),
        "psn_part_amt": str(person),
        "acct_pay": str(account),
        "psn_cash_pay": str(person - account),
        "acct_mulaid_pay": "0.00",
        "medins_setl_id": msgid,
    }
