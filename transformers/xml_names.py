"""JSON names as XML names: what XML does not allow in a name is written ``_xHHHH_`` (ISO/IEC 9075-14 §9.1)."""

from __future__ import annotations

import re

_START = (
    r"A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C-\u200D\u2070-\u218F"
    r"\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD"
)
_REST = _START + r"\-.0-9\u00B7\u0300-\u036F\u203F-\u2040"
_PLAIN = re.compile(rf"[{_START}][{_REST}]*")
# An underscore is escaped where it would look like an escape, also together with the escape of what follows it.
_BAD = re.compile(rf"[^{_REST}]|_(?=x(?:[0-9A-Fa-f]{{4}}|[0-9A-Fa-f]{{6}})(?:_|[^{_REST}]))")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{6}|[0-9A-Fa-f]{4})_")

#: What the empty name is written as, and what a name that is just that is written as.
_EMPTY, _NOT_EMPTY = "_x_", "_x005F_x_"
#: No attribute may have this name: it declares a namespace.
_XMLNS, _NOT_XMLNS = "xmlns", "_x0078_mlns"


def to_xml_name(name: str) -> str:
    """An XML name for any JSON name; ``from_xml_name`` gives the same JSON name back."""
    if _PLAIN.fullmatch(name) and "_x" not in name:
        return name
    if name in ("", _EMPTY):
        return _NOT_EMPTY if name else _EMPTY
    escaped = _BAD.sub(lambda match: _escape(match[0]), name)
    return escaped if re.match(rf"[{_START}]", escaped) else _escape(escaped[0]) + escaped[1:]


def to_attribute_name(name: str) -> str:
    """The same for an attribute, of which none can be ``xmlns``."""
    return _NOT_XMLNS if name == _XMLNS else to_xml_name(name)


def from_xml_name(name: str) -> str:
    """The JSON name that an XML name stands for."""
    if "_x" not in name:
        return name
    if name == _EMPTY:
        return ""
    return _ESCAPE.sub(_unescape, name)


def _escape(character: str) -> str:
    code = ord(character)
    return f"_x{code:04X}_" if code <= 0xFFFF else f"_x{code:06X}_"


def _unescape(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code <= 0x10FFFF else match[0]
