"""Runs a saved case against a running bus: its request is sent, and the reply is compared."""

from __future__ import annotations

from bus.cases.case import Case
from bus.cases.comparing import differences
from bus.cases.running import Verdict, find_operation
from bus.client.request import rest_call, soap_call
from bus.client.sending import send
from registry.model import Snapshot
from transformers.document import is_xml
from transformers.errors import MeridianError


async def run_live(case: Case, snapshot: Snapshot, *, base: str, key: str, timeout: float = 30.0) -> Verdict:
    """Run one case through the bus at ``base``, and so with its real provider.

    What the provider gets and the journal's keys are not seen from here, so only ``reply`` and ``error`` count.
    """
    if case.reply is None and not case.error:
        return Verdict(case, skipped="it expects neither a reply nor an error, and a caller sees nothing else")
    try:
        version, operation = find_operation(case, snapshot)
        soap = is_xml(case.request) and any(face.startswith("soap") for face in version.faces)
        answered = await send((soap_call if soap else rest_call)(version, operation, case.request, base), key, timeout)
        if answered.code != case.error:
            wanted = f"expected {case.error}" if case.error else "expected a reply"
            return Verdict(
                case, (f"error: {wanted}, found {answered.code or 'a reply'} (message {answered.message_id})",)
            )
        if case.reply is None:
            return Verdict(case)
        return Verdict(case, [f"reply {each}" for each in differences(case.reply, answered.document)])
    except MeridianError as error:
        return Verdict(case, (f"error: {error}",))
