"""What a provider says about an error of its own, as JSON, without the insides of its program."""

from __future__ import annotations

from bus.gateway.words import without_trace
from transformers.blocks import Blocks
from transformers.document import Element, Json, is_xml
from transformers.xml import local_name

_TRACES = frozenset({"stack", "stacktrace", "stack_trace", "trace", "exception", "traceback", "hostname"})


def explanation(detail: object, declared: Blocks | None) -> Json:
    """A SOAP detail by the names of its entries (by schema, where the contract declares them), or the JSON given."""
    return _shown(_entries(detail, declared or Blocks(())) if is_xml(detail) else detail)  # type: ignore[arg-type]


def _entries(detail: Element, declared: Blocks) -> Json:
    several = local_name(detail).lower() == "detail"
    if several and not len(detail):
        return detail.text or ""
    return declared.to_json(detail if several else (detail,))


def _shown(detail: object) -> Json:
    if isinstance(detail, dict):
        return {name: _shown(value) for name, value in detail.items() if name.rpartition("}")[2].lower() not in _TRACES}
    if isinstance(detail, list):
        return [_shown(item) for item in detail]
    return without_trace(detail) if isinstance(detail, str) else detail  # type: ignore[return-value]
