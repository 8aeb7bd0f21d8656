"""The validators that recorded exchanges are held against: those of the checks, or the contract's own schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from registry.contracts.wsdl import WsdlContract
from registry.errors import ManifestInvalid
from registry.library import Library
from registry.model import Check, Contracts, Validator


def contracts(
    checks: Mapping[str, Check | None],
    contract: WsdlContract | None,
    described: Callable[[str], Validator] | None,
    library: Library,
) -> Contracts:
    """The contracts of an operation with these checks (by side). Other schemas wait until somebody asks.

    ``described`` gives the validator of a side by an OpenAPI description, or raises ManifestInvalid.
    """

    def by_contract(side: str) -> Validator | None:
        try:
            if described is not None:
                return described(side)
            if contract is not None and contract.schemas is not None:
                return library.xsd_validator(contract.schemas, contract.file)
        except ManifestInvalid:
            # The vendor's schemas serve for conversion and not for validation; nobody asked for a check by them.
            pass
        return None

    def held(side: str) -> Callable[[], Validator | None]:
        check = checks[side]
        return partial(by_contract, side) if check is None else lambda: check.validator

    def own(side: str) -> Callable[[], Validator | None]:
        check = checks[side]
        return lambda: None if check is None else check.validator

    return Contracts(held("request"), held("reply"), own("sent"), own("received"))
