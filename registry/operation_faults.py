"""Contradictions inside one operation: settings that are right alone and wrong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry.conformity import nearest
from registry.errors import Problem
from registry.findings import Spot
from registry.inside import inside_faults
from registry.model import Form
from registry.routes import template_fault


def find_faults(
    raw: Mapping[str, Any], form: Form, has_provider: bool, has_contract: bool, spot: Spot
) -> Iterator[Problem]:
    """Every contradiction among the settings of one operation."""
    yield from _endings(raw, has_provider, spot)
    if "element" in raw.get("call", {}) and "operation" in raw["call"]:
        yield spot.at("call", "element").problem("element and operation contradict each other", "keep one of them")
    if "style" in raw.get("call", {}) and "element" not in raw["call"]:
        yield spot.at("call", "style").problem("a style without an element", "name the element that it is about")
    if "supersedes" in raw:
        yield from _supersedes(raw, spot)
    yield from _checks(raw, form, has_contract, spot)
    yield from inside_faults(raw, form, spot)
    if fault := template_fault(raw.get("http", {}).get("path", "/")):
        yield spot.at("http", "path").problem(fault)
    if form == "xml" and not has_contract and "form" in raw and not _has_xml_name(raw):
        yield spot.at("form").problem("speaks xml, but nothing names its element", "give soap.element, or a WSDL")


def warnings(raw: Mapping[str, Any], spot: Spot) -> Iterator[Problem]:
    """What is allowed and probably not meant."""
    policy = raw.get("policy", {})
    if raw.get("effect") == "write" and policy.get("retries") and not policy.get("idempotent"):
        message = "retries of a write that is not idempotent happen only when nothing was sent"
        yield spot.at("policy", "retries").problem(message, "set idempotent: true if the provider recognises repeats")


def _endings(raw: Mapping[str, Any], has_provider: bool, spot: Spot) -> Iterator[Problem]:
    endings = [key for key in ("starts", "raises") if key in raw]
    if len(endings) == 2:
        yield spot.at("raises").problem("both starts a workflow and raises an event", "keep one of them")
    if not endings and not has_provider:
        hint = "give the version a provider, or the operation starts or raises"
        yield spot.problem(f"{raw['name']} has nowhere to go", hint)
    if not endings:
        return
    for key, why in (
        ("call", "no provider is called"),
        ("reply", "there is no reply"),
        ("reply_keys", "there is no reply"),
    ):
        if key in raw:
            yield spot.at(key).problem(f"{endings[0]} and {key} contradict each other: {why}", f"drop {key}")
    if raw.get("mode") == "sync":
        yield spot.at("mode").problem(f"{endings[0]} is always asynchronous", "drop mode")
    if "reply" in raw.get("checks", {}):
        yield spot.at("checks", "reply").problem(f"{endings[0]} has no reply to check", "drop the check")


def _supersedes(raw: Mapping[str, Any], spot: Spot) -> Iterator[Problem]:
    place, key = spot.at("supersedes"), raw["supersedes"]
    if "starts" in raw or "raises" in raw:
        yield place.problem("what a workflow is told is never superseded", "drop supersedes")
    elif key not in raw.get("keys", {}):
        yield place.problem(f"the operation has no key {key!r}", nearest(key, raw.get("keys", {})) or "declare it")


def _checks(raw: Mapping[str, Any], form: Form, has_contract: bool, spot: Spot) -> Iterator[Problem]:
    for side, check in raw.get("checks", {}).items():
        place = spot.at("checks", side)
        if side in ("sent", "received"):  # the provider's side of the mappings, whose form is its own
            continue
        if form == "xml" and "json_schema" in check:
            yield place.problem("a JSON Schema, but the contract speaks xml", "give an xsd, or set form: json")
        if form == "json" and ("xsd" in check or "wsdl" in check):
            yield place.problem("an XML Schema, but the contract speaks json", "give a json_schema, or set form: xml")
        if "wsdl" in check and not has_contract:
            yield place.problem("wsdl: true, but the version has no contract", "name the WSDL under contract")


def _has_xml_name(raw: Mapping[str, Any]) -> bool:
    return "element" in raw.get("soap", {})
