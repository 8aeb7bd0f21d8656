"""WS-Security headers as documents: the one addressed to us, ids that mean one element, a Timestamp that is fresh.

OASIS Web Services Security: SOAP Message Security 1.1 (§4 ids, §5 the header, §10 timestamps). No cryptography here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from transformers import ns
from transformers.certificates import Certificate
from transformers.document import Element
from transformers.errors import SecurityInvalid
from transformers.soap import Envelope, SoapVersion, is_ours

SECURITY = ns.clark(ns.WSSE, "Security")
USERNAME_TOKEN = ns.clark(ns.WSSE, "UsernameToken")
TIMESTAMP = ns.clark(ns.WSU, "Timestamp")
SIGNATURE = ns.clark(ns.XML_DSIG, "Signature")
ENCRYPTED_KEY = ns.clark(ns.XML_ENC, "EncryptedKey")
ENCRYPTED_DATA = ns.clark(ns.XML_ENC, "EncryptedData")
WSU_ID = ns.clark(ns.WSU, "Id")
BASE64 = f"{ns.WSS}#Base64Binary"

#: How far a Timestamp may be from our clock, in seconds.
FRESH = 300.0

#: Every attribute that some stack takes for an id: two elements may not share one, whichever way it is written.
IDS = (WSU_ID, ns.clark(ns.XML, "id"), "Id", "ID", "id")


@dataclass(frozen=True, slots=True)
class Proof:
    """What WS-Security proved about a message that was opened.

    Without a signature ``certificate`` is None. ``seal`` is the same for every copy of a signed message, and must be
    remembered ``until`` (Unix seconds). ``dropped`` names header blocks that the signature did not cover.
    """

    certificate: Certificate | None = None
    encrypted: bool = False
    seal: bytes = b""
    until: float = 0.0
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A ``wsu:Timestamp``: its element, and its times in Unix seconds (``expires`` may be missing)."""

    element: Element
    created: float
    expires: float | None


def security_of(envelope: Envelope) -> Element | None:
    """The one Security header addressed to this node. Raises SecurityInvalid when there are several (WSS 1.1 §5)."""
    found = [block for block in envelope.headers if block.tag == SECURITY and is_ours(block, envelope.version)]
    if len(found) > 1:
        raise SecurityInvalid("the envelope holds more than one Security header for this receiver; send one")
    return found[0] if found else None


def elements_by_id(root: Element) -> dict[str, list[Element]]:
    """Every element that carries an id, whichever of its attributes says so."""
    found: dict[str, list[Element]] = {}
    for element in root.iter(etree.Element):
        for name in IDS:
            value = element.get(name)
            if value is not None and element not in found.setdefault(value, []):
                found[value].append(element)
    return found


def referenced(elements: dict[str, list[Element]], uri: str) -> Element:
    """The one element that ``#id`` means. Raises SecurityInvalid for none, for two, and for any other reference."""
    if not uri.startswith("#") or len(uri) < 2:
        raise SecurityInvalid("a reference must name an element of this envelope by its id")
    found = elements.get(uri[1:], [])
    if len(found) != 1:
        raise SecurityInvalid(
            "two elements carry the id that is referred to, so nobody can say which is meant"
            if found
            else "a reference names an id that no element carries"
        )
    return found[0]


def read_timestamp(security: Element) -> Timestamp | None:
    """The Timestamp of a Security header, or None. Raises SecurityInvalid for two, or an unreadable one."""
    found = security.findall(TIMESTAMP)
    if len(found) > 1:
        raise SecurityInvalid("the Security header holds more than one Timestamp; send one")
    if not found:
        return None
    created = _moment(found[0], "Created")
    if created is None:
        raise SecurityInvalid("the Timestamp has no Created")
    return Timestamp(found[0], created, _moment(found[0], "Expires"))


def check_fresh(timestamp: Timestamp, now: float) -> float:
    """Answer until when (Unix seconds) a Timestamp stays fresh.

    Raises SecurityInvalid for one that is too old, from the future, or expired.
    """
    if abs(now - timestamp.created) > FRESH:
        raise SecurityInvalid(f"the Timestamp was not created within {FRESH:.0f} s of now; check the clock")
    if timestamp.expires is not None and timestamp.expires <= now:
        raise SecurityInvalid("the Timestamp has expired; check the clock, or give it longer")
    return timestamp.created + FRESH


def check_timestamp(security: Element, now: float) -> None:
    """Raise SecurityInvalid for a Timestamp that is not fresh. None at all is well where nothing is signed."""
    stamp = read_timestamp(security)
    if stamp is not None:
        check_fresh(stamp, now)


def add_timestamp(security: Element, now: float, lifetime: float = FRESH) -> Element:
    """Append a Timestamp that expires ``lifetime`` seconds after ``now`` (Unix seconds)."""
    element = etree.SubElement(security, TIMESTAMP)
    for name, moment in (("Created", now), ("Expires", now + lifetime)):
        etree.SubElement(element, ns.clark(ns.WSU, name)).text = written(moment)
    return element


def security_for(root: Element, version: SoapVersion) -> Element:
    """An empty, mandatory Security header in the place of whatever Security headers the envelope had."""
    soap = f"{{{version.value}}}"
    header = root.find(f"{soap}Header")
    if header is None:
        header = etree.Element(f"{soap}Header")
        root.insert(0, header)
    for old in header.findall(SECURITY):
        header.remove(old)
    security = etree.SubElement(header, SECURITY, nsmap={"wsse": ns.WSSE, "wsu": ns.WSU})
    security.set(f"{soap}mustUnderstand", "1" if version is SoapVersion.V11 else "true")
    return security


def written(moment: float) -> str:
    """Unix seconds as an XML Schema dateTime in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def moment_of(text: str) -> float:
    """An XML Schema dateTime as Unix seconds; one without a zone is UTC (WSS 1.1 §10). Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _moment(timestamp: Element, name: str) -> float | None:
    found = timestamp.findall(ns.clark(ns.WSU, name))
    if not found:
        return None
    try:
        if len(found) > 1:
            raise ValueError
        return moment_of(found[0].text or "")
    except ValueError as error:
        raise SecurityInvalid(f"the Timestamp's {name} is not one XML Schema dateTime") from error
