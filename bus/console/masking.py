"""What no role sees unmasked in a list: the personal ones among business keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from registry.model import Operation, Snapshot
from transformers.masking_fields import kind_of
from transformers.masking_values import mask_value


def masked_keys(keys: Sequence[tuple[str, str]], personal: Set[str] = frozenset()) -> list[tuple[str, str]]:
    """Business keys with the ``personal`` ones masked, and those whose name tells; the forms of one count once."""
    return list(dict.fromkeys((name, _masked(name, value, personal)) for name, value in keys))


def _masked(name: str, value: str, personal: Set[str]) -> str:
    kind = "id" if name in personal else kind_of(name)
    return mask_value(kind, value) if kind else value


def personal_keys(operations: Iterable[Operation]) -> set[str]:
    """The names of the keys of these operations that identify a person."""
    return {"id_no"} | {key.name for each in operations for key in (*each.keys, *each.reply_keys) if key.identity}


def all_operations(snapshot: Snapshot) -> Iterator[Operation]:
    """Every operation of every version: what is personal in one of them is personal where nothing is declared."""
    for service in snapshot.services.values():
        for version in service.versions.values():
            yield from version.operations.values()
