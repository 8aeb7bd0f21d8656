"""``meridian apply`` beside a running server: live within two seconds, and nobody notices."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from load import under_load
from served_bus import KEY, ServedBus, eventually

from bus.registry import open_store
from registry.source import read_folder

pytestmark = pytest.mark.integration

FIND = {"text": "纱布"}


def note_title(bus: ServedBus, words: str) -> None:
    """Change something harmless in the catalogue."""
    manifest = bus.catalogue / "manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    head, _, rest = text.partition("name: stores\n")
    manifest.write_text(f"{head}name: stores\ntitle: {{zh: {words}, en: {words}}}\n{rest.partition(chr(10))[2]}")


def rename_find(bus: ServedBus, old: str, new: str) -> None:
    manifest = bus.catalogue / "manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace(f"- name: {old}\n", f"- name: {new}\n").replace(f"[{old}]", f"[{new}]"))


def test_a_new_operation_can_be_called_within_two_seconds_of_the_apply(bus: ServedBus) -> None:
    assert bus.post("Search", FIND).status_code == 404
    rename_find(bus, "Find", "Search")
    bus.run("apply", "-f", str(bus.catalogue), "-m", "renamed")
    applied = time.monotonic()
    eventually(lambda: bus.post("Search", FIND).status_code == 200, pause=0.05)
    assert time.monotonic() - applied < 2
    assert bus.post("Find", FIND).status_code == 404


def test_a_manifest_with_a_mistake_is_refused_and_the_running_bus_goes_on(bus: ServedBus) -> None:
    manifest = bus.catalogue / "manifest.yaml"
    sound = manifest.read_text(encoding="utf-8")
    manifest.write_text(sound.replace("contracts/find.json", "contracts/gone.json"))
    with pytest.raises(AssertionError, match=r"manifest\.yaml:\d+: .*gone\.json"):
        bus.run("apply", "-f", str(bus.catalogue))
    time.sleep(1.5)
    assert bus.post("Find", FIND).status_code == 200
    assert "revision 1" in bus.run("describe")


def test_a_rollback_is_live_as_soon_as_an_apply(bus: ServedBus) -> None:
    rename_find(bus, "Find", "Search")
    bus.run("apply", "-f", str(bus.catalogue))
    eventually(lambda: bus.post("Search", FIND).status_code == 200)
    bus.run("rollback", "1")
    done = time.monotonic()
    eventually(lambda: bus.post("Find", FIND).status_code == 200, pause=0.05)
    assert time.monotonic() - done < 2


@pytest.mark.timeout(180)
def test_twenty_applies_under_load_lose_no_request(bus: ServedBus) -> None:
    with under_load(bus, "Find", lambda _: FIND) as load, closing(open_store(bus.settings)) as store:
        for number in range(20):
            note_title(bus, f"T{number}")
            assert store.apply(read_folder(bus.catalogue), "tester", "").number == number + 2
            time.sleep(0.6)  # longer than the server looks for changes, so that each of them is swapped to
        last = len(load.answers)
        eventually(lambda: len(load.answers) > last + 20)
    assert set(load.answers) == {"200"}
    assert len(load.answers) > 200
    with bus.console() as browser:
        eventually(lambda: "T19" in browser.get(f"{bus.url}/services", timeout=20).text)


def test_a_key_that_is_not_in_the_catalogue_any_more_is_refused(bus: ServedBus) -> None:
    manifest = bus.catalogue / "manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('  - {kind: api-key, secret: "${WARD_KEY}"}\n', ""))
    bus.run("apply", "-f", str(bus.catalogue))
    eventually(lambda: bus.post("Find", FIND).status_code == 401, seconds=2)
    answer = bus.post("Find", FIND)
    assert answer.json()["code"] == "not-authenticated"
    assert KEY not in answer.text
