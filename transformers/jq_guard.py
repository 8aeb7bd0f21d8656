"""Which jq functions a filter may not call: those that reach the process, other inputs or other files."""

from __future__ import annotations

import re

from transformers.errors import TransformerInvalid

#: Functions outside "a document in, a document out". As names of fields and object keys they stay usable.
FORBIDDEN = frozenset(
    {"env", "input", "inputs", "input_filename", "input_line_number", "debug", "stderr", "halt", "halt_error"}
    | {"get_search_list", "modulemeta", "import", "include"}
)
_FORBIDDEN_VARIABLES = frozenset({"$ENV", "$__prog_args"})

_TOKEN = re.compile(
    r"(?P<space>\s+|\#[^\n]*)|(?P<field>\.[A-Za-z_]\w*)|(?P<variable>\$\s*[A-Za-z_]\w*(?:::\w+)*)"
    r"|(?P<word>[A-Za-z_]\w*(?:::\w+)*)|(?P<format>@\w+)|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<quote>\")|(?P<other>.)",
    re.DOTALL,
)
_IN_STRING = re.compile(r"(?:[^\"\\]|\\[^(])*", re.DOTALL)


def refuse_unsafe(expression: str) -> None:
    """Raise TransformerInvalid, naming the line, when a jq program calls a forbidden function."""
    brackets: list[str] = []
    previous, position, in_string = "", 0, False
    while position < len(expression):
        if in_string:
            position = _IN_STRING.match(expression, position).end()  # type: ignore[union-attr]
            if expression.startswith("\\(", position):
                brackets.append("\\(")
                previous, position, in_string = "(", position + 2, False
            else:
                previous, position, in_string = '"', position + 1, False
            continue
        token = _TOKEN.match(expression, position)
        if token is None:
            return
        kind, text = str(token.lastgroup), token[0]
        if kind == "space":
            position = token.end()
            continue
        if kind == "quote":
            in_string = True
        elif kind == "open":
            brackets.append(text)
        elif kind == "close":
            in_string = bool(brackets) and brackets.pop() == "\\("
        elif _forbidden(kind, text, previous, brackets):
            line = expression.count("\n", 0, position) + 1
            raise TransformerInvalid(f"the jq filter may not use {text}", line=line)
        previous, position = text, token.end()


def _forbidden(kind: str, text: str, previous: str, brackets: list[str]) -> bool:
    if kind == "variable":
        return re.sub(r"\s", "", text) in _FORBIDDEN_VARIABLES
    if kind != "word" or text not in FORBIDDEN:
        return False
    is_key = bool(brackets) and brackets[-1] == "{" and previous in ("{", ",")
    return not is_key
