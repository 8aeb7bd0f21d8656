"""One exchange, stage by stage: the caller's request, what the bus sent, the provider's reply, the bus's reply.

A document that was made of a wrong one proves nothing against its maker: what the caller got wrong is not held against
the bus that passed it on, nor the provider's mistakes against the bus's reply. Where the first one could not be
checked, a mapping between the two answers for what it made; without a mapping, the first one's writer does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bus.conform.finding import WRITERS, Examined, Finding, Reason, Side, Stage
from bus.conform.inside import document_inside
from bus.conform.reading import Reading, read
from bus.errors import meaning
from bus.ports import Body, Record
from bus.quirks import read_notes
from registry.model import Operation, Provider, ServiceVersion, Validator
from transformers.document import Document, Element, is_xml
from transformers.errors import ContractViolation, MeridianError, Violation
from transformers.http_form import HttpForm
from transformers.lines import line_in_json, line_in_xml, steps
from transformers.namespaces import namespace_of, qualify
from transformers.shape import Shape
from transformers.xml import detached, local_name

#: The quirks that only the journal's notes tell of, and at which stage.
_NOTED: Mapping[str, Stage] = {"soap_action": "request", "fault_status": "reply.received"}
#: A document can break its contract in thousands of places; a report counts kinds, not places.
_MOST = 100


def examine(record: Record, version: ServiceVersion, operation: Operation) -> Examined:
    """Hold the bodies of a record against the contract of its operation. Never raises for what is in them."""
    return _Examination(record, version, operation).whole()


@dataclass
class _Examination:
    record: Record
    version: ServiceVersion
    operation: Operation
    findings: list[Finding] = field(default_factory=list)
    unchecked: dict[Stage, Reason] = field(default_factory=dict)
    wrong: set[Stage] = field(default_factory=set)
    sides: dict[Stage, Side] = field(default_factory=lambda: dict(WRITERS))

    @property
    def provider(self) -> Provider | None:
        return self.version.provider

    def whole(self) -> Examined:
        bodies = {body.stage: body for body in self.record.bodies}
        soap_out = self.provider is not None and self.provider.protocol != "rest"
        contracts = self.operation.contracts
        notes = read_notes(self.record.detail)
        for quirk, what in notes:
            if (stage := _NOTED.get(quirk)) is not None:
                self.findings.append(Finding(WRITERS[stage], stage, quirk, what))
        if "request" in bodies:
            self._side("request", bodies["request"], contracts.request(), soap=self.record.door == "soap")
        if "request.sent" in bodies and self._proves("request", "request.sent", mapped=bool(self.operation.request)):
            own = contracts.sent()
            held = own or (None if self.operation.request else contracts.request())
            self._side("request.sent", bodies["request.sent"], held, soap=soap_out, converted=own is None)
        received = bodies.get("reply.received")
        passed = bodies.get("reply") if received is None and not self._answers_itself() else None
        if (theirs := received or passed) is not None and (soap_out or self.record.status != "fault"):
            own = contracts.received()
            held = own or (None if self.operation.reply else contracts.reply())
            soap = soap_out if received is not None else self.record.door == "soap"
            self._side("reply.received", theirs, held, soap=soap, converted=own is None)
        mapped = bool(self.operation.reply)
        if "reply" in bodies and received is not None and self._proves("reply.received", "reply", mapped=mapped):
            # A caller whose own namespace is mirrored gets its reply there on purpose.
            mirrored = any(quirk == "namespace" for quirk, _ in notes)
            soap = self.record.door == "soap"
            self._side("reply", bodies["reply"], contracts.reply(), soap=soap, mirrored=mirrored)
        return Examined(tuple(self.findings), tuple(self.unchecked.items()))

    def _answers_itself(self) -> bool:
        """Whether the bus answered in its own words, which no contract of a provider speaks of."""
        return self.record.status == "accepted" or self.provider is None

    def _proves(self, before: Stage, stage: Stage, *, mapped: bool) -> bool:
        """Whether the document of ``stage`` proves anything, and if so against whom."""
        if before in self.wrong:
            self.unchecked[stage] = "not_proven"
            return False
        if before in self.unchecked and not mapped:
            self.sides[stage] = WRITERS[before]
        return True

    def _side(
        self,
        stage: Stage,
        body: Body,
        validator: Validator | None,
        *,
        soap: bool,
        converted: bool = True,
        mirrored: bool = False,
    ) -> None:
        """One stage. ``converted``: its document is the contract's own, if need be in the other form."""
        reading = read(body, stage, soap=soap)
        self.findings += reading.findings
        if reading.document is None or reading.fault:
            if any(finding.rule == "unreadable" for finding in reading.findings):
                self.wrong.add(stage)
            return
        try:
            inner = document_inside(reading.document, stage, self.version, self.operation) if soap else reading.document
        except ContractViolation as error:
            self.findings += [self._finding(each, stage, reading, own=False) for each in error.violations]
            return
        if inner is None:
            self.unchecked[stage] = "no_schema"
            return
        document = self._at_home(stage, inner, mirrored=mirrored) if converted and inner is reading.document else inner
        if validator is None:
            self.unchecked[stage] = "no_schema"
        elif self._partly_in_address(stage):
            self.unchecked[stage] = "in_address"
        else:
            found = self._violations(stage, document, validator, converted=converted)
            own = document is reading.document
            self.findings += [self._finding(each, stage, reading, own=own) for each in found[:_MOST]]
            if found:
                self.wrong.add(stage)

    def _partly_in_address(self, stage: Stage) -> bool:
        one = self.operation
        if stage == "request" and self.record.door == "rest":
            # A request without a body is kept with its whole document; of any other only the body is.
            form = one.http_form if one.own is not None else None
            return _scattered(one.http_path, form) and one.http_method not in ("GET", "DELETE", "HEAD")
        if stage == "request.sent" and self.provider is not None and self.provider.protocol == "rest":
            return _scattered(one.call.path, one.call.form)
        return False

    def _names(self, stage: Stage) -> tuple[str, Shape | None]:
        one = self.operation
        return (one.element, one.shape) if stage.startswith("request") else (one.reply_element, one.reply_shape)

    def _at_home(self, stage: Stage, document: Document, *, mirrored: bool) -> Document:
        """The document in the contract's namespaces: a copy where it was elsewhere, which is a finding itself."""
        element, shape = self._names(stage)
        if not is_xml(document) or not element or document.tag == element:  # type: ignore[union-attr]
            return document
        # Another local name is another mistake, which the schema names better.
        if local_name(document) != element.rpartition("}")[2]:  # type: ignore[arg-type]
            return document
        if not mirrored:
            self.findings.append(_drift(document, stage))  # type: ignore[arg-type]
        return _brought_home(document, element, shape)  # type: ignore[arg-type]

    def _violations(
        self, stage: Stage, document: Document, validator: Validator, *, converted: bool
    ) -> tuple[Violation, ...]:
        to_json = self.operation.form == "json"
        if converted and is_xml(document) is to_json:
            convert = _conversion(self.operation, request=stage.startswith("request"), to_json=to_json)
            if convert is None:
                self.unchecked[stage] = "no_conversion"
                return ()
            try:
                document = convert(document)
            except MeridianError as error:
                return getattr(error, "violations", ()) or (Violation("", str(error), meaning(error).code),)
        violations = validator(document)
        if violations and _undeclared(document, violations, self._names(stage)[0]):
            self.unchecked[stage] = "undeclared"
            return ()
        return violations

    def _finding(self, violation: Violation, stage: Stage, reading: Reading, *, own: bool) -> Finding:
        """The finding of a violation. Its line is the schema's where it saw the document itself, and no copy."""
        line = violation.line if own else None
        if line is None:
            line = _line(reading, steps(violation.path), self.operation.element, self.operation.reply_element)
        rule, text, path = violation.rule or "rule", violation.message[:200], violation.path[:200]
        return Finding(self.sides[stage], stage, rule, text, path, line)


def _scattered(path: str, form: HttpForm | None) -> bool:
    """Whether fields of the document stand outside of the body, by the path or by a description's ``form``."""
    return "{" in path or (form is not None and (form.scattered or bool(form.fields)))


def _drift(document: Element, stage: Stage) -> Finding:
    elsewhere = "in another namespace than the contract's" if namespace_of(document) else "in no namespace"
    text, path = f"the root is {elsewhere}", f"/{local_name(document)}"
    return Finding(WRITERS[stage], stage, "namespace", text, path, line_in_xml(document, ()))


def _line(reading: Reading, path: tuple[str, ...], *roots: str) -> int | None:
    """The line that a path leads to. An XPath begins with the root element, a JSON Pointer below it."""
    if path and path[0] in {root.rpartition("}")[2] for root in roots}:
        path = path[1:]
    if is_xml(reading.document):
        return line_in_xml(reading.document, path)  # type: ignore[arg-type]
    return line_in_json(reading.text, path)


def _brought_home(document: Element, element: str, shape: Shape | None) -> Element:
    """A copy in the contract's namespaces; the lines of the original stay known by the paths."""
    copy = detached(document)
    if shape is not None and local_name(copy) == shape.tag.rpartition("}")[2]:
        qualify(copy, shape)
    else:
        copy.tag = element
    return copy


def _conversion(operation: Operation, *, request: bool, to_json: bool) -> Callable[[Document], Document] | None:
    if request:
        return operation.to_json if to_json else operation.to_xml
    return operation.reply_to_json if to_json else operation.reply_to_xml


def _undeclared(document: Document, violations: tuple[Violation, ...], element: str) -> bool:
    """Whether the schema does not know the contract's own element (rpc style has no declaration for it)."""
    first = violations[0]
    return is_xml(document) and document.tag == element and "no global element" in first.message  # type: ignore
