"""Settlement arithmetic is exact to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.simulators.insurance_money import Fee, Refusal, money, settlement

AMOUNTS = st.integers(0, 10**9).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")


@settings(max_examples=60)
@given(AMOUNTS, st.sampled_from(["0", "1"]))
def test_fund_and_person_and_account_and_cash_always_add_up(total: str, account_used: str) -> None:
    data = {"medfee_sumamt": total, "mdtrt_id": "M", "psn_no": "P", "med_type": "11", "acct_used_flag": account_used}
    made = {name: Decimal(value) for name, value in settlement(data, setl_id="S", msgid="m").items() if "." in value}
    assert made["fund_pay_sumamt"] + made["psn_part_amt"] == Decimal(total) == made["medfee_sumamt"]
    assert made["acct_pay"] + made["psn_cash_pay"] == made["psn_part_amt"]
    assert all(value >= 0 for value in made.values())


@pytest.mark.parametrize("bad", [12.5, 12, None, "1.005"])
def test_an_amount_that_is_a_json_number_or_a_fraction_of_a_cent_is_refused(bad: object) -> None:
    with pytest.raises(Refusal):
        money(bad)


def test_a_line_whose_amount_is_not_price_times_count_is_refused() -> None:
    line = {"feedetl_sn": "1", "det_item_fee_sumamt": "3.01", "cnt": "2", "pric": "1.50"}
    with pytest.raises(Refusal, match="pric"):
        Fee.read(line).check()
    Fee.read(line | {"det_item_fee_sumamt": "3.00"}).check()
