"""The patients' app: is told when something happened, once."""

from __future__ import annotations

import orjson
from aiohttp import web

from services.simulators.context import Context, bearer_ok


def application(context: Context) -> web.Application:
    """Answer the app's back end as a web application."""

    async def notify(request: web.Request) -> web.Response:
        if not bearer_ok(request, context.secret("APP_TOKEN")):
            return web.json_response({"error": "unauthorized"}, status=401)
        try:
            notice = orjson.loads(await request.read())
            visit_no, topic = notice["visit_no"], notice["topic"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return web.json_response({"error": "notification cannot be read"}, status=400)

        def work() -> dict[str, bool]:
            context.ledger.record("notified", visit_no=visit_no, ref=f"{topic}-{visit_no}", topic=topic)
            return {"delivered": True}

        return web.json_response(context.ledger.once(request.headers.get("Idempotency-Key", ""), work))

    app = web.Application()
    app.router.add_post("/notifications", notify)
    return app
