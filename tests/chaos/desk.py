"""What a person does afterwards: gives everything that waits for a decision the verb that lets it go on."""

from __future__ import annotations

from functools import partial

from chaos.backlog import Watch
from chaos.hospital import Hospital

from bus.backbone import dead_letters
from bus.settings import load
from bus.state.store import State

_WHO, _WHY = "chaos desk", "the fault is over"


async def settle(hospital: Hospital, watch: Watch) -> list[str]:
    """Release, retry and replay all that waits for a person; answer a line for each, empty when nothing waits."""
    return [*await _release(hospital, watch), *await _retry(hospital, watch), *await _replay(hospital, watch)]


async def _release(hospital: Hospital, watch: Watch) -> list[str]:
    parked = watch.parked()
    if parked:
        letters = [f"{one.letter.queue}/{one.letter.id}" for one in parked]
        await hospital.meridian("parked", "release", *letters, "--reason", _WHY)
    return [f"parked {one.letter.lane or one.letter.id} ({one.code}: {one.reason}): released" for one in parked]


async def _retry(hospital: Hospital, watch: Watch) -> list[str]:
    stuck = watch.instances("stuck")
    for one in stuck:
        await hospital.meridian("workflow", "retry", one["id"], "--reason", _WHY)
    return [f"workflow of {dict(one['keys']).get('visit_no')} ({one['error']}): retried" for one in stuck]


async def _replay(hospital: Hospital, watch: Watch) -> list[str]:
    """Embedded stores have one writer, so there the bus is stopped meanwhile."""
    dead = watch.given_up()
    if not dead:
        return []
    embedded = hospital.ground is None
    for unit in hospital.units if embedded else ():
        await unit.stop()
    state = State(load(environ=hospital.environ))
    await state.start()
    for one in dead:
        letter = one.letter
        replay = partial(dead_letters.replay, queue=letter.queue, letter_id=letter.id, who=_WHO, reason=_WHY)
        await state.write(replay)
    await state.aclose()
    for unit in hospital.units if embedded else ():
        await unit.start()
    return [f"dead letter of {one.letter.queue} ({one.code}: {one.reason}): replayed" for one in dead]
