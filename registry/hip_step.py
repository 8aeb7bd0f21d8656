"""``{hip: …}``: a request written for another HIPMessageServer, or its answer read."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from registry.findings import Spot
from registry.shapes import element_of
from registry.step import Scope, Step
from transformers.document import Document
from transformers.hip.hl7v3 import EDITIONS
from transformers.hip.model import Stamp
from transformers.hip.variants import IPAAS, VARIANTS, Writing, read_answer, write_call, write_post

_CHINA = timezone(timedelta(hours=8))


def hip_step(argument: Mapping[str, Any], scope: Scope, spot: Spot) -> Step:
    """The step for the side that it stands in. Raises ManifestInvalid."""
    rest = argument["variant"] == IPAAS
    if scope.side == "reply":
        return Step("json" if rest else "xml", "xml", read_answer)
    if "action" not in argument and argument["variant"] != "ewell":
        raise spot.refuse("a request needs its action", "for instance action: PatientInfoRegister")
    secret = scope.bench.environ.resolve(argument["token"], spot.at("token")) if "token" in argument else ""
    edition = EDITIONS[argument["header"]] if "header" in argument else None
    style = argument.get("style", "cdata")
    how = Writing(argument.get("action", ""), argument.get("receiver", ""), secret, style, edition)
    sender = argument.get("sender", "MERIDIAN")

    def post(document: Document) -> Document:
        return write_post(element_of(document, "hip"), how, _stamp(sender))

    def call(document: Document) -> Document:
        return write_call(VARIANTS[argument["variant"]], element_of(document, "hip"), how, _stamp(sender))

    return Step("xml", "json", post) if rest else Step("xml", "xml", call)


def hip_action(steps: Any) -> str:
    """The SOAPAction of a request that ends in a ``hip`` step; empty for any other."""
    written = dict(steps[-1]).get("hip") if steps else None
    variant = VARIANTS.get(written["variant"]) if written else None
    return variant.soap_action if variant is not None else ""


def _stamp(sender: str) -> Stamp:
    now = datetime.fromtimestamp(time.time(), _CHINA)
    return Stamp(uuid.uuid4().hex, now.strftime("%Y%m%d%H%M%S"), sender)
