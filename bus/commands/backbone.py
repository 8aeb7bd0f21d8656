"""``meridian backbone check``: does the broker have what the bus declares, and nothing that changes its meaning?"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence

import click

from bus.backbone.broker_address import BrokerAddress, is_rabbitmq
from bus.backbone.inspection import Finding, inspect
from bus.backbone.management import inspect_management
from bus.settings import Settings
from transformers.errors import MeridianError

_DIFFERENT, _UNREACHABLE = 1, 2


@click.group()
def backbone() -> None:
    """Look at the broker."""


@backbone.command()
@click.option("--management", default="", metavar="URL", help="RabbitMQ's management API; default: broker_management.")
@click.pass_obj
def check(settings: Settings, management: str) -> None:
    """Compare the broker with the bus's topology. Status 1: something differs. 2: the broker cannot be asked."""
    if not is_rabbitmq(settings.broker):
        click.echo(f"broker is {settings.broker.partition(':')[0]}: there is nothing to compare")
        return
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # its errors are told below, in one line
    address, url = settings.broker_address(), management or settings.broker_management
    try:
        node, findings = asyncio.run(_ask(address, url))
    except MeridianError as error:
        click.echo(f"meridian: {error}", err=True)
        sys.exit(_UNREACHABLE)
    click.echo(f"RabbitMQ at {node}, vhost {address.vhost}, user {address.user}")
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        state = f"DIFFERS: {finding.differs}" if finding.differs else "ok"
        click.echo(f"  {finding.subject:{width}}  {state}" + (f"  ({finding.seen})" if finding.seen else ""))
    if not url:
        click.echo("bindings, policies and letters in hand are not visible without broker_management or --management")
    different = sum(1 for finding in findings if finding.differs)
    if different:
        click.echo(f"{different} differ. A running bus declares what is missing. A queue whose arguments differ:")
        click.echo("  rabbitmqctl delete_queue NAME   # the bus makes it anew and sends again what it held")
        sys.exit(_DIFFERENT)
    click.echo("the broker has what the bus declares")


async def _ask(address: BrokerAddress, management: str) -> tuple[object, Sequence[Finding]]:
    node, findings = await inspect(address)
    if not management:
        return node, findings
    tls = address.tls.context() if address.tls is not None else None
    more = await inspect_management(management, address.vhost, tls)
    better = {finding.subject for finding in more}
    return node, [*(finding for finding in findings if finding.subject not in better), *more]
