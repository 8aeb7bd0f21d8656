"""Words for names that are not there: what was asked for, and what was perhaps meant."""

from __future__ import annotations

from collections.abc import Iterable

from registry.conformity import nearest

_LONGEST = 64


def missing(what: str, name: str, known: Iterable[str], *, secret: bool = False) -> str:
    """``no service 'lsi'; did you mean lis?``. A name that is ``secret`` or cannot be printed is not repeated."""
    shown = "of this name" if secret or not name or not name.isprintable() else repr(name[:_LONGEST])
    hint = nearest(name[:_LONGEST], known)
    return f"no {what} {shown}; {hint}" if hint else f"no {what} {shown}"
