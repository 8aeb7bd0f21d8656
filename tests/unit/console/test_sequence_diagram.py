"""The sequence diagram: nothing that it says is cut off by its edge, and a name is shortened only where it must be."""

from __future__ import annotations

import re

from bus.console.sequence import Arrow, draw

BUS = "Meridian"


def drawn(*arrows: Arrow, title: str = "") -> str:
    return draw(arrows, BUS, link=lambda _: "#", title=lambda name: title or name)


def arrow(source: str, target: str, label: str = "orders.Ask") -> Arrow:
    return Arrow(0.0, source, target, label, "ok", "m")


def width(svg: str) -> int:
    found = re.search(r'width="(\d+)"', svg)
    assert found
    return int(found[1])


def test_what_the_bus_refused_by_itself_is_told_inside_the_picture_although_the_bus_is_the_last_column() -> None:
    outward = drawn(arrow("ward", BUS))
    inward = drawn(arrow("ward", BUS), arrow(BUS, BUS))
    at = re.search(r'<text class="label" x="(\d+)" y="\d+" text-anchor="start">', inward)
    assert at
    assert width(inward) - int(at[1]) > 100
    assert width(inward) > width(outward)


def test_a_long_name_of_a_system_takes_two_lines_and_is_whole() -> None:
    svg = drawn(arrow("lis", BUS), title="Laboratory information system")
    assert ">Laboratory<" in svg
    assert ">information system<" in svg
    assert "…" not in svg


def test_a_chinese_letter_takes_two_places_in_a_heading() -> None:
    svg = drawn(arrow("lis", BUS), title="医学影像与检验信息一体化平台")
    assert ">医学影像与检验信息一<" in svg
    assert ">体化平台<" in svg


def test_a_label_takes_all_the_room_between_the_columns_that_it_joins() -> None:
    long = "laboratory-events.ReportResultOfOrder"
    arrows = (arrow("pacs", BUS, "a"), arrow("lis", BUS, "b"), arrow("pacs", BUS, long))
    assert f">3 {long}<" in drawn(*arrows)
    assert f">1 {long[:21]}…<" in drawn(arrow("lis", BUS, long))
