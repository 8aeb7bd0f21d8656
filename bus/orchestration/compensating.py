"""Compensation: a failing instance starts nothing new, awaits what is under way, and undoes what was done."""

from __future__ import annotations

from bus.orchestration.instance import Failure, Token
from bus.orchestration.sending import Sending
from bus.orchestration.stimuli import Alarm, CallFailure
from transformers.errors import MappingFailed


class Compensating(Sending):
    """Undoes completed steps, the youngest first, one at a time."""

    def _fail(self, step: str, code: str, message: str) -> None:
        """Start nothing new, drop what only waits, and leave what is under way to end."""
        if self._it.status == "running":
            self._it.status = "compensating"
            self._it.failure = Failure(step, code, message)
        for token in list(self._it.tokens.values()):
            token.deadline_at = None
            if token.status == "calling" or token.phase == "unknown":
                continue
            del self._it.tokens[token.id]
            if token.status == "waiting":
                self._note(token, "failed", self._target(token), code)
            self._doubt(token, code)

    def _settle(self) -> None:
        """When a failing instance has nothing under way any more, take back the youngest step."""
        while self._it.status == "compensating" and not self._it.tokens:
            if not self._it.undo:
                self._it.status = "compensated"
                return
            undo = self._it.undo[-1]
            token = self._new_token(0)
            token.step, token.phase, token.started_at = undo.step, "undo", self._now
            token.generation = int(undo.key.rpartition(":")[2])
            self._send_anew(token)

    def _send_anew(self, token: Token) -> None:
        """Make the token's call with as many tries as if it were new, or leave it to a person."""
        token.tries = 0 if token.phase == "do" else token.tries
        token.phase_tries, token.alerted, token.trouble = 0, False, None
        try:
            token.request = self._request(token)
        except MappingFailed as error:
            self._stick(token, Failure(token.step, "mapping", str(error)))
        else:
            self._send(token)

    def _undone(self, token: Token) -> None:
        del self._it.tokens[token.id]
        self._it.undo.pop()

    def _undo_failed(self, token: Token, failure: CallFailure) -> None:
        retry = self._retry(token)
        worth = failure.unknown or failure.retry == "transient"
        if failure.action == "retry":
            token.status, token.retry_at = "backoff", self._now + failure.pause
        elif failure.action == "warn":
            self._alarms.append(Alarm("warned", token.step, failure.code))
            self._undone(token)
        elif not failure.action and worth and token.phase_tries < retry.attempts:
            token.status, token.retry_at = "backoff", self._now + self._pause(token, retry)
        else:
            self._stick(token, Failure(token.step, failure.code, failure.message))

    def _stick(self, token: Token, trouble: Failure) -> None:
        """Nothing goes on here until a person says how."""
        token.status, token.trouble, token.deadline_at = "stuck", trouble, None
        self._alarms.append(Alarm("parked" if token.phase == "do" else "stuck", token.step, trouble.code))
