"""Which charset bytes are really in, whatever they claim, and how to answer in the same one."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from msgspec import Struct

from transformers.errors import CharsetMismatch

#: Names that callers use, lower-cased and without ``-``, ``_`` and spaces, to Python's codecs. Anything else is
#: not believed: codecs such as utf-7 or unicode_escape would let a sender smuggle markup past every check.
_CODECS = {
    "utf8": "utf-8", "unicodeutf8": "utf-8", "unicode": "utf-8", "cp65001": "utf-8",
    "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "ucs2": "utf-16",
    "utf32": "utf-32", "utf32le": "utf-32-le", "utf32be": "utf-32-be",
    "gbk": "gbk", "cp936": "gbk", "windows936": "gbk", "ms936": "gbk", "xgbk": "gbk",
    "gb2312": "gb2312", "gb231280": "gb2312", "euccn": "gb2312", "eucgb2312cn": "gb2312",
    "gb18030": "gb18030", "gb180302000": "gb18030", "gb180302022": "gb18030",
    "big5": "big5", "big5hkscs": "big5hkscs", "cp950": "cp950",
    "ascii": "ascii", "usascii": "ascii", "iso646us": "ascii",
    "iso88591": "latin-1", "8859/1": "latin-1", "latin1": "latin-1", "windows1252": "cp1252", "cp1252": "cp1252",
}  # fmt: skip

_WIRE_NAMES = {
    "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32": "UTF-32", "utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "gbk": "GBK", "gb2312": "GB2312",
    "gb18030": "GB18030", "big5": "Big5", "big5hkscs": "Big5-HKSCS", "cp950": "Big5", "ascii": "US-ASCII",
    "latin-1": "ISO-8859-1", "cp1252": "windows-1252",
}  # fmt: skip

#: GBK and GB 2312 are read as GB 18030, their superset: senders that declare GB2312 send 镕 all the same.
_GB = frozenset({"gbk", "gb2312", "gb18030"})
#: Codecs that decode any bytes at all, so that their success proves nothing.
_SINGLE_BYTE = frozenset({"latin-1", "cp1252"})
_WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})

# UTF-32's little-endian mark begins with UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: What a byte order mark can begin with: most bodies have none, and are asked once.
_MARKED = frozenset(mark[0] for mark, _ in _MARKS)
_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:/ -]{1,40})[\"'][^>]*\?>")
_DECLARATION_TEXT = re.compile(r"<\?xml\s[^>]*\?>")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")


class Decoded(Struct, frozen=True):
    """Text as UTF-8 bytes without a byte order mark, and what was found out about how it came.

    ``charset`` is the codec to answer in (GBK where the sender said GBK, though it is read as GB 18030);
    ``declared`` the name the sender gave, as it wrote it, or empty; ``lied`` whether that was untrue;
    ``replaced`` whether bytes were lost (only from ``read_lenient``).
    """

    text_utf8: bytes
    charset: str
    declared: str = ""
    lied: bool = False
    replaced: bool = False

    @property
    def text(self) -> str:
        """The same as a str."""
        return self.text_utf8.decode("utf-8")


@lru_cache(maxsize=256)
def codec_of(name: str) -> str:
    """The Python codec for a charset's name on the wire (``GB2312``, ``8859/1``); empty if unknown."""
    return _CODECS.get(name.strip().strip("\"'").lower().replace("-", "").replace("_", "").replace(" ", ""), "")


@lru_cache(maxsize=256)
def wire_name(codec: str) -> str:
    """The name to write on the wire for a codec, as registered with IANA: ``gbk`` → ``GBK``."""
    return _WIRE_NAMES.get(codec_of(codec) or codec.lower(), codec.upper())


def read(body: bytes, http_charset: str = "") -> Decoded:
    """Find out what ``body`` is in, and answer it as UTF-8.

    Order: byte order mark, strict UTF-8, UTF-16/32 by their NUL bytes, the declared charset (HTTP header, then
    XML declaration), GB 18030. A declaration is never believed against the bytes. Plain UTF-8 is not copied.
    Raises CharsetMismatch when nothing decodes the bytes.
    """
    decoded = _climb(body, http_charset)
    if decoded is None:
        raise CharsetMismatch(
            "the bytes are in none of UTF-8, UTF-16, UTF-32, GB 18030 or the declared charset; send UTF-8"
        )
    return decoded


def read_lenient(body: bytes, http_charset: str = "") -> Decoded:
    """Like ``read``, but bytes that nothing decodes become U+FFFD and ``replaced`` is true: for quarantine only."""
    decoded = _climb(body, http_charset)
    if decoded is not None:
        return decoded
    text = body.decode("gb18030", "replace")
    return Decoded(_utf8(text), "gb18030", _declared(body, http_charset)[0], lied=False, replaced=True)


def read_as(body: bytes, codec: str) -> bytes:
    """``body``, which is known to be in ``codec``, as UTF-8 without XML declaration and byte order mark.

    Raises CharsetMismatch when it is not.
    """
    try:
        text = body.decode("gb18030" if codec in _GB else codec)
    except (UnicodeDecodeError, UnicodeError) as error:
        raise CharsetMismatch(f"the bytes are not in {wire_name(codec)}, which they are known to be sent in") from error
    return _utf8(_DECLARATION_TEXT.sub("", text, count=1) if "<?xml" in text[:200] else text)


def same_family(one: str, other: str) -> bool:
    """Whether what is written in one codec is read alike in the other: GB 2312, GBK and GB 18030 are one family."""
    return one == other or (one in _GB and other in _GB)


def encode(text: str, charset: str) -> bytes:
    """Write JSON text in this charset; characters that it lacks become ``\\u`` escapes (RFC 8259 §7)."""
    codec = codec_of(charset) or "utf-8"
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return _NON_ASCII.sub(lambda match: _escape(match[0], codec), text).encode(codec)


def _climb(body: bytes, http_charset: str) -> Decoded | None:
    if body and body[0] in _MARKED:
        for mark, codec in _MARKS:
            if body.startswith(mark):
                marked = _try(body[len(mark) :], codec, codec, body, http_charset)
                if marked is not None:
                    return marked
                body = body[len(mark) :]  # a mark that lies: real senders put UTF-8's before GBK
                break
    if 0 in body:
        wide = _wide(body)
        decoded = _try(body, wide, wide, body, http_charset) if wide else None
        if decoded is not None:
            return decoded
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(body, http_charset)
    return _plain(body, http_charset)


def _plain(body: bytes, http_charset: str) -> Decoded:
    """Strict UTF-8. Pure ASCII proves no charset wrong, so there the declared one decides how to answer."""
    name, codec = _declared(body, http_charset)
    if not codec or codec == "utf-8":
        return Decoded(body, "utf-8", name, lied=bool(name) and not codec)
    if codec not in _WIDE and body.isascii():
        return Decoded(_without_declaration(body), codec, name)
    return Decoded(_without_declaration(body), "utf-8", name, lied=True)


def _legacy(body: bytes, http_charset: str) -> Decoded | None:
    names = (http_charset, _xml_declared(body))
    codecs_declared = [codec for codec in map(codec_of, names) if codec and codec not in _WIDE | {"utf-8", "ascii"}]
    # A server's default (latin-1 in the HTTP header) decodes anything; what the document says goes first.
    codecs_declared.sort(key=lambda codec: codec in _SINGLE_BYTE)
    for codec in (*codecs_declared, "gb18030"):
        decoded = _try(body, "gb18030" if codec in _GB else codec, codec, body, http_charset)
        if decoded is not None:
            return decoded
    return None


def _try(data: bytes, codec: str, answer: str, body: bytes, http_charset: str) -> Decoded | None:
    try:
        text = data.decode(codec)
    except (UnicodeDecodeError, UnicodeError):
        return None
    name, declared = _declared(body if codec not in _WIDE else text[:200].encode("utf-8", "replace"), http_charset)
    family = {declared, declared.removesuffix("-le").removesuffix("-be")}
    lied = bool(name) and answer not in family and answer.removesuffix("-le").removesuffix("-be") not in family
    return Decoded(
        _utf8(_DECLARATION_TEXT.sub("", text, count=1) if "<?xml" in text[:200] else text), answer, name, lied
    )


def _utf8(text: str) -> bytes:
    return text.lstrip("\ufeff").encode("utf-8", "replace")


def _wide(body: bytes) -> str:
    """Tell UTF-16 and UTF-32 by the NULs beside the first character, which markup and JSON begin with in ASCII.

    The share of NULs would not do: 一 is 4E 00.
    """
    pattern = tuple(byte == 0 for byte in body[:4])
    if pattern[:3] == (True, True, True):
        return "utf-32-be"
    if pattern == (False, True, True, True):
        return "utf-32-le"
    if len(body) % 2:
        return ""
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get((body[0] == 0, body[1] == 0), "")


def _xml_declared(body: bytes) -> str:
    match = _DECLARATION.match(body, 0, 256)
    return match[1].decode("ascii") if match else ""


def _declared(body: bytes, http_charset: str) -> tuple[str, str]:
    name = http_charset or _xml_declared(body)
    return name, codec_of(name) if name else ""


def _without_declaration(body: bytes) -> bytes:
    match = _DECLARATION.match(body, 0, 256)
    return body[match.end() :] if match else body


def _escape(character: str, codec: str) -> str:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        units = character.encode("utf-16-be")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return character
