"""Who calls the bus: kiosks that start visits, the hall that tells each visit's statuses in order, and readers."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

import aiohttp
import orjson
from chaos.plan import UPDATES, Plan
from lxml import etree

from services.demo.kiosk import Kiosk
from services.demo.patients import Visit, visits
from services.simulators.emr import orders_of

_STATUSES = ("arrived", "called", "seen", "examined", "dispensed")
_LIS = "urn:hospital:lis:v1"
_ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<QueryOrder xmlns="urn:hospital:lis:v1"><orderNo>{}</orderNo></QueryOrder></s:Body></s:Envelope>'
)


@dataclass(slots=True)
class Callers:
    """What the callers asked for and what they were told. Every call is repeated under its key until it is accepted.

    ``accepted`` holds the numbers of the updates of each visit that the bus said it has, in the order of saying;
    ``refused`` what it would not take. ``reads`` counts answers to reads: right, wrong, none (5xx or no answer).
    """

    plan: Plan
    url: str
    secrets: Mapping[str, str]
    accepted: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)
    told: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    kiosk: Kiosk = field(init=False)
    _dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self.kiosk = Kiosk(self.url, self.secrets["KIOSK_API_KEY"])
        self._dice = Random(self.plan.seed)

    @property
    def updates(self) -> int:
        """How many updates were accepted."""
        return sum(map(len, self.accepted.values()))

    async def run(self) -> None:
        """Start the visits evenly over the run's time; returns when every call of theirs has its answer."""
        begin, gap = time.monotonic(), self.plan.seconds / self.plan.visits
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(session))
            pending = []
            for number, visit in enumerate(visits(self.plan.visits, seed=self.plan.seed, first=1)):
                await asyncio.sleep(max(0.0, begin + number * gap - time.monotonic()))
                self.asked.append(visit.visit_no)
                pending.append(group.create_task(self.kiosk.start_one(session, visit)))
                pending.append(group.create_task(self._tell(session, visit)))
            await asyncio.gather(*pending)
            reader.cancel()

    async def _tell(self, session: aiohttp.ClientSession, visit: Visit) -> None:
        """Tell the board each status of the visit, the next one only when the one before is accepted."""
        key = self.secrets["HALL_BUS_KEY"]
        for number in range(1, UPDATES + 1):
            body = {"visit_no": visit.visit_no, "number": number, "status": _STATUSES[number % len(_STATUSES)]}
            headers = {"X-API-Key": key, "Idempotency-Key": f"hall-{visit.visit_no}-{number}"}
            pause = 0.2
            while True:
                try:
                    async with session.post(f"{self.url}/rest/board/statuses", json=body, headers=headers) as answer:
                        if answer.status == 202:
                            self.accepted[visit.visit_no].append(number)
                            self.told[visit.visit_no][number] = time.time()
                            break
                        if answer.status < 500 and answer.status not in (408, 429):
                            self.refused.append(f"{visit.visit_no} update {number}: HTTP {answer.status}")
                            return
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                await asyncio.sleep(pause)
                pause = min(pause * 2, 3.0)
            await asyncio.sleep(self._dice.uniform(0.0, 4.0))

    async def _read(self, session: aiohttp.ClientSession) -> None:
        """Read again and again, half of it over SOAP, and hold the answers against what must be in them."""
        ways: list[Callable[[aiohttp.ClientSession, str], Awaitable[bool]]] = [self._orders, self._laboratory]
        while True:
            await asyncio.sleep(self._dice.uniform(0.2, 0.8))
            if not self.kiosk.started:
                continue
            visit_no, way = self._dice.choice(list(self.kiosk.started)), self._dice.choice(ways)
            try:
                right = await way(session, visit_no)
            except (aiohttp.ClientError, TimeoutError, OSError, _NoAnswer):
                self.reads["none"] += 1
                continue
            self.reads["right" if right else "wrong"] += 1
            if not right:
                self.wrong.append(f"{visit_no} {way.__name__}")

    async def _orders(self, session: aiohttp.ClientSession, visit_no: str) -> bool:
        url = f"{self.url}/rest/emr/visits/{visit_no}/orders"
        async with session.get(url, headers=self._workstation()) as answer:
            body = await answer.read()
            if answer.status != 200:
                raise _NoAnswer  # no encounter yet, or nobody to ask
            numbers = [number for _, number, _ in orders_of(visit_no)]
            return all(number.encode() in body for number in numbers) and bool(orjson.loads(body))

    async def _laboratory(self, session: aiohttp.ClientSession, visit_no: str) -> bool:
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{_LIS}/QueryOrder"'}
        body = _ENVELOPE.format(f"L{visit_no}").encode()
        async with session.post(f"{self.url}/soap/lis", data=body, headers=headers | self._workstation()) as answer:
            found = await answer.read()
            if answer.status != 200:
                raise _NoAnswer
            return etree.fromstring(found).findtext(f".//{{{_LIS}}}orderNo") == f"L{visit_no}"

    def _workstation(self) -> dict[str, str]:
        login = base64.b64encode(f"workstation:{self.secrets['WORKSTATION_PASSWORD']}".encode()).decode()
        return {"Authorization": f"Basic {login}"}


class _NoAnswer(Exception):
    """The bus answered that it has no answer."""
