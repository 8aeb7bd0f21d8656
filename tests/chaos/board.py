"""The waiting-room board as a process: writes every status into its ledger in the order in which it took effect."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import orjson
from aiohttp import web

from services.simulators.__main__ import serve
from services.simulators.context import Context, header_ok
from services.simulators.ledger import Ledger


def application(context: Context) -> web.Application:
    """Answer the board as a web application. A repeated idempotency key has no second effect."""

    async def show(request: web.Request) -> web.Response:
        if not header_ok(request, "X-Board-Key", context.secret("BOARD_KEY")):
            return web.json_response({"error": "unauthorized"}, status=401)
        status = orjson.loads(await request.read())

        def work() -> dict[str, bool]:
            context.ledger.record("shown", visit_no=status["visit_no"], ref=str(status["number"]))
            return {"shown": True}

        return web.json_response(context.ledger.once(request.headers.get("Idempotency-Key", ""), work))

    app = web.Application()
    app.router.add_post("/statuses", show)
    return app


@click.command()
@click.argument("system", type=click.Choice(["board"]))
@click.option("--ledger", "path", type=click.Path(path_type=Path), required=True)
@click.option("--parent", default=0)
def main(system: str, path: Path, parent: int) -> None:
    """Run the board."""
    context = Context(Ledger(path), "")
    asyncio.run(serve(system, application(context), context, 0, parent=parent))


if __name__ == "__main__":
    main()
