"""START READING HERE: the life of a request, in the order of the hops.

A message enters at the top and walks down; the reply walks back up through the same hops, so ``transform``
and ``validate`` see both. A failed message is an exception, never a message with a flag.
``compose`` wraps every hop with the journal: no hop mentions it, and none can escape it.
"""

from __future__ import annotations

from bus.hops.adapt import adapt
from bus.hops.authenticate import authenticate
from bus.hops.authorise import authorise
from bus.hops.call import call
from bus.hops.decode import decode
from bus.hops.index import index
from bus.hops.resolve import resolve
from bus.hops.route import route
from bus.hops.transform import transform
from bus.hops.validate import validate

#: First in, last out.
HOPS = (
    decode,  # bytes → text → one hardened parse; SOAP envelope opened
    authenticate,  # who calls: API key, HTTP Basic, WS-Security UsernameToken
    resolve,  # which service, version and operation
    authorise,  # may this caller, and not too often
    adapt,  # the caller's form ↔ the contract's form (SOAP ↔ JSON by schema, SOAP version, charset)
    index,  # business keys: patient_id, visit_no, order_no …
    validate,  # the request against its contract; the reply on its way back
    route,  # now, or accepted durably for later
    transform,  # the contract's document ↔ the provider's (XSLT, jq, code tables)
    call,  # out through a connector: deadline, retry, breaker, concurrency limit
)

#: An accepted message goes on where ``route`` left it.
DELIVERY = HOPS[HOPS.index(route) + 1 :]
