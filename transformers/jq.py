"""jq filters from the registry: a JSON value in, JSON values out; nothing of the process is in their reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import jq

from transformers.document import Json
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.jq_guard import refuse_unsafe
from transformers.json_text import dumps

JsonMap: TypeAlias = Callable[[Json], Json]

#: Should a spelling ever slip past the guard, the environment is empty all the same.
_PRELUDE = "{} as $ENV | def env: {}; "

_LONG_NUMBER = re.compile(rb"[:,\[]-?\d{16,}|^-?\d{16,}")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_EXACT = 1 << 53


def compile_jq(expression: str) -> JsonMap:
    """Compile a filter; the callable answers its first output, and may be shared between threads.

    Raises TransformerInvalid (with the line) when it does not compile or reaches outside; the callable raises
    MappingFailed when the filter fails or has no output, without saying what the document holds.
    """
    program = _compile(expression)

    def first(value: Json) -> Json:
        text = _input(value)
        try:
            answer: Json = program.input_text(text).first()
        except StopIteration:
            raise MappingFailed("the jq filter gave no output for this document", step="jq") from None
        except ValueError:
            raise MappingFailed("the jq filter failed on this document", step="jq") from None
        return answer

    return first


def compile_jq_all(expression: str) -> Callable[[Json], tuple[Json, ...]]:
    """Compile a filter; the callable answers all of its outputs. Errors as in ``compile_jq``."""
    program = _compile(expression)

    def every(value: Json) -> tuple[Json, ...]:
        text = _input(value)
        try:
            return tuple(program.input_text(text).all())
        except ValueError:
            raise MappingFailed("the jq filter failed on this document", step="jq") from None

    return every


def _compile(expression: str) -> Any:
    refuse_unsafe(expression)
    try:
        return jq.compile(_PRELUDE + expression)
    except ValueError as error:
        first_line = next((line for line in str(error).splitlines() if line.strip()), "jq: error")
        line = re.search(r"line (\d+)", first_line)
        said = re.sub(r" at <top-level>.*", "", first_line).removeprefix("jq: error: ")
        raise TransformerInvalid(
            f"the jq filter does not compile: {said}", line=int(line[1]) if line else None
        ) from error


def _input(value: Json) -> str:
    """Write the value for jq, which computes in doubles: an integer that one would alter is refused, not rounded."""
    data = dumps(value)
    if _LONG_NUMBER.search(data):
        bare = _STRING.sub(b'""', data)
        for number in re.findall(rb"-?\d{16,}(?![\d.eE])", bare):
            if abs(int(number)) > _EXACT:
                raise MappingFailed("an integer beyond 2^53 would be rounded by jq; send it as a string", step="jq")
    return data.decode("utf-8")
