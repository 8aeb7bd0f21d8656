"""What a person does afterwards: gives everything that waits for a decision the verb that lets it go on."""

from __future__ import annotations

import asyncio
from functools import partial

from chaos.backlog import Watch
from chaos.hospital import Hospital

from bus.backbone import dead_letters, parking
from bus.orchestration.instances import Instances
from bus.orchestration.stimuli import Order
from bus.registry import open_store
from bus.settings import Settings, load
from bus.state.store import State
from registry.live import LiveRegistry

_WHO, _WHY = "chaos desk", "the fault is over"


async def settle(hospital: Hospital, watch: Watch) -> list[str]:
    """Release, retry and replay all that waits for a person; answer a line for each, empty when nothing waits.

    Embedded stores have one writer, so there the bus is stopped meanwhile.
    """
    if not watch.waits_for_people():
        return []
    if hospital.ground is not None:
        database = hospital.ground.direct_url
        return await _settle(load(environ=hospital.environ | {"MERIDIAN_DATABASE": database}), hospital)
    for unit in hospital.units:
        await unit.stop()
    try:
        return await _settle(load(environ=hospital.environ), hospital)
    finally:
        for unit in hospital.units:
            await unit.start()


async def _settle(settings: Settings, hospital: Hospital) -> list[str]:
    state = State(settings)
    store = open_store(settings)
    registry = LiveRegistry(store, hospital.environ)
    registry.refresh()
    await state.start()
    try:
        return await asyncio.to_thread(_decide, state, Instances(state, registry))
    finally:
        await state.aclose()
        store.close()


def _decide(state: State, instances: Instances) -> list[str]:
    done = []
    for parked in state.read_blocking(lambda c: parking.parked_letters(c, limit=10_000)):
        letter = parked.letter
        state.write_blocking(partial(parking.release, queue=letter.queue, letter_id=letter.id, who=_WHO, reason=_WHY))
        done.append(f"parked {letter.lane or letter.id} ({parked.code}: {parked.reason}): released")
    for dead in state.read_blocking(lambda c: dead_letters.dead_letters(c, limit=10_000)):
        letter = dead.letter
        state.write_blocking(
            partial(dead_letters.replay, queue=letter.queue, letter_id=letter.id, who=_WHO, reason=_WHY)
        )
        done.append(f"dead letter of {letter.queue} ({dead.code}: {dead.reason}): replayed")
    for stuck in instances.page(status="stuck", limit=10_000):
        instances.order(stuck["id"], Order("retry"), who=_WHO, reason=_WHY)
        keys = " ".join(value for _, value in stuck["keys"])
        done.append(f"workflow of {keys} ({stuck['error']}): retried")
    return done
