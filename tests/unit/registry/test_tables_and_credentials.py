"""Code tables with their count of unknown codes, and consumers with their secrets."""

from __future__ import annotations

import threading

import pytest
from catalogues import SYSTEM, catalogue, compiled, problems, service

from registry.compile import compile_catalogue
from registry.credentials import hash_key, hash_password, password_fits
from registry.redact import redacted
from registry.unmapped import MAX_KINDS, Unmapped
from transformers.errors import MappingFailed

TABLE = """
kind: CodeTable
name: sex
columns: [his, gbt]
csv: sex.csv
unmapped: {gbt: "9"}
"""
STEP = """
- name: A
  request: [{codes: {table: sex, from: his, to: gbt, at: .sex}}]
  reply: [{codes: {table: sex, from: gbt, to: his, at: .sex}}]
"""
CSV = {"sex.csv": '\ufeffhis,gbt\r\nM,1\r\n"女",2\r\n'.encode()}


def test_unknown_codes_are_counted_whether_replaced_or_refused() -> None:
    counter = Unmapped()
    made = compile_catalogue(catalogue(SYSTEM, service(STEP), TABLE, files=CSV), {}, unmapped=counter)
    operation = made.snapshot.services["lis"].versions["1"].operations["A"]
    assert operation.request[0]({"sex": "女"}) == {"sex": "2"}
    assert operation.request[0]({"sex": "X"}) == {"sex": "9"}
    with pytest.raises(MappingFailed):
        operation.reply[0]({"sex": "7"})
    assert counter.totals() == {"sex": 2}
    assert sorted((each.code, each.source, each.target, count) for each, count in counter.codes()) == [
        ("7", "gbt", "his", 1),
        ("X", "his", "gbt", 1),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"his,gbt\nM\n", "sex.csv:2: 1 codes in a table of 2 columns"),
        (b"his,other\nM,1\n", "sex.csv:1: the first line does not name the table's columns (first line: his,gbt)"),
        (b"his,gbt\nM,\xff\n", "sex.csv:1: not UTF-8"),
        (b'his,gbt\n"M,1\n', "sex.csv:1: not CSV"),
    ],
)
def test_a_broken_csv_file_is_named_with_its_line(content: bytes, says: str) -> None:
    found = problems(SYSTEM, TABLE, files={"sex.csv": content})
    assert len(found) == 1
    assert found[0].startswith(says)


def test_rows_and_stand_ins_must_fit_the_columns() -> None:
    found = problems('kind: CodeTable\nname: t\ncolumns: [a, b]\nrows: [["1"], ["1", "2"]]\nunmapped: {c: "9"}\n')
    assert found == [
        "m.yaml:4: 1 codes in a table of 2 columns",
        "m.yaml:5: no column 'c' in this table (known: a, b)",
    ]


def test_codes_that_yaml_would_read_as_numbers_must_be_quoted() -> None:
    found = problems("kind: CodeTable\nname: t\ncolumns: [a, b]\nrows: [[01, no]]\n")
    assert all("must be a code in quotes (put it in quotes)" in line for line in found)
    assert len(found) == 2


def test_the_count_is_exact_under_threads_and_bounded_in_kinds() -> None:
    counter = Unmapped()

    def count(start: int) -> None:
        for number in range(1500):
            counter.count("t", "a", "b", str(start + number))

    threads = [threading.Thread(target=count, args=(start,)) for start in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.totals() == {"t": 4500}
    assert len(counter.codes()) == MAX_KINDS


def test_an_unmapped_code_is_cut_before_it_can_hold_a_document() -> None:
    counter = Unmapped()
    counter.count("t", "a", "b", "x" * 500)
    assert len(counter.codes()[0][0].code) == 32


CONSUMER = """
kind: Consumer
name: kiosk
credentials:
  - {kind: api-key, secret: "${KEY}"}
  - {kind: basic, username: u, secret: "${PASSWORD}"}
  - {kind: username-token, username: u, secret: "${PASSWORD}"}
grants: [{service: lis, operations: [A]}]
rate: {per_second: 2.5}
"""


def test_secrets_are_kept_as_hashes_wherever_the_protocol_allows() -> None:
    made = compiled(SYSTEM, service("- {name: A}"), CONSUMER, KEY="k-1", PASSWORD="p-1")
    consumer = made.snapshot.consumers["kiosk"]
    key, basic, token = consumer.credentials
    assert key.sha256 == hash_key("k-1")
    assert password_fits("p-1", basic.scrypt)
    assert not password_fits("p-2", basic.scrypt)
    assert token.secret == "p-1"
    assert "p-1" not in repr(made.snapshot)
    assert (consumer.rate, consumer.burst) == (2.5, 2)
    assert consumer.may_call("lis", "A")
    assert not consumer.may_call("lis", "B")


def test_a_secret_that_is_not_in_the_environment_is_a_problem() -> None:
    found = problems(SYSTEM, service("- {name: A}"), CONSUMER, KEY="k-1", PASSWORD="")
    assert [line.partition(": ")[2] for line in found] == [
        "needs the environment variable PASSWORD (set it where the bus runs)",
        "needs the environment variable PASSWORD (set it where the bus runs)",
    ]


def test_on_a_desk_a_missing_secret_is_only_warned_of() -> None:
    text = catalogue(SYSTEM, service("- {name: A}"), CONSUMER)
    made = compile_catalogue(text, {"KEY": "k"}, require_environment=False)
    assert ["PASSWORD" in each.message for each in made.warnings] == [True, True]


def test_a_secret_written_out_is_warned_of_and_never_shown() -> None:
    text = "kind: Consumer\nname: k\ncredentials: [{kind: api-key, secret: hunter2}]\n"
    (warning,) = compiled(text).warnings
    assert "written out in the manifest" in warning.message
    assert "hunter2" not in str(warning)
    shown = redacted({"credentials": [{"secret": "hunter2"}, {"secret": "${KEY}"}, {"secret": "${KEY:-hunter2}"}]})
    assert shown == {"credentials": [{"secret": "(hidden)"}, {"secret": "${KEY}"}, {"secret": "(hidden)"}]}


def test_two_hashes_of_one_password_differ_and_both_fit() -> None:
    first, second = hash_password("甲乙"), hash_password("甲乙")
    assert first != second
    assert password_fits("甲乙", first)
    assert password_fits("甲乙", second)
