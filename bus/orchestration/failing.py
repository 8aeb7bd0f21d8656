"""Calls that fail: tried again, given up, or, when nobody knows whether they were done, reversed first."""

from __future__ import annotations

from bus.orchestration.compensating import Compensating
from bus.orchestration.instance import Failure, Token
from bus.orchestration.stimuli import Alarm, CallFailure
from transformers.errors import MappingFailed


class Failing(Compensating):
    """Decides what a failed call means for its step."""

    def _in_doubt(self, token: Token, failure: CallFailure) -> None:
        """The call may have been done: settle that before anything else."""
        token.doubtful = True
        if self._program.calls[token.step].step.unknown:
            token.failure = Failure(token.step, failure.code, failure.message)
            self._reverse(token, failure)
        elif failure.idempotent and failure.retry == "transient":
            self._try_again(token, failure)
        else:
            self._give_up(token, failure)

    def _try_again(self, token: Token, failure: CallFailure) -> None:
        retry = self._retry(token)
        if self._it.status != "running" or token.tries + token.phase_tries >= retry.attempts:
            self._give_up(token, failure)
            return
        due = self._now + self._pause(token, retry)
        if token.deadline_at is not None and due >= token.deadline_at:
            self._give_up(token, failure)
        else:
            token.status, token.retry_at = "backoff", due

    def _give_up(self, token: Token, failure: CallFailure | Failure) -> None:
        """The step has failed for good; what may have been done is undone with the rest."""
        del self._it.tokens[token.id]
        self._doubt(token, failure.code)
        self._fail(token.step, failure.code, failure.message)

    def _reverse(self, token: Token, failure: CallFailure) -> None:
        token.tries += token.phase_tries
        token.phase, token.phase_tries, token.alerted = "unknown", 0, False
        try:
            token.request = self._request(token)
        except MappingFailed as error:
            token.phase = "do"
            self._alarms.append(Alarm("reversal", token.step, "mapping"))
            self._give_up(token, Failure(token.step, "mapping", f"{failure.code}, and its reversal: {error}"))
            return
        self._send(token)

    def _reversal_failed(self, token: Token, failure: CallFailure) -> None:
        """A reversal is tried until it succeeds: neither a deadline nor a failing instance stops it."""
        retry = self._retry(token)
        if not token.alerted and (failure.retry != "transient" or token.phase_tries >= retry.attempts):
            token.alerted = True
            self._alarms.append(Alarm("reversal", token.step, failure.code))
        token.status, token.retry_at = "backoff", self._now + self._pause(token, retry)

    def _reversed(self, token: Token) -> None:
        """What the step's call may have done is undone: try it anew under a new key, or fail."""
        step = self._program.calls[token.step].step
        failure = token.failure or Failure(token.step, "provider-timeout", "its outcome was unknown and was reversed")
        token.phase, token.phase_tries, token.doubtful, token.failure = "do", 0, False, None
        again = step.unknown is not None and step.unknown.then == "retry" and token.tries < step.retry.attempts
        if not again or self._it.status != "running":
            self._give_up(token, failure)
            return
        token.generation += 1
        try:
            token.request = self._request(token)
        except MappingFailed as error:
            self._give_up(token, Failure(token.step, "mapping", str(error)))
            return
        self._send(token)
