"""Calls that fail: tried again, given up, left to a person, or, where nobody knows whether they were done, settled."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bus.orchestration.compensating import Compensating
from bus.orchestration.instance import Failure, Token
from bus.orchestration.stimuli import Alarm, CallFailure
from transformers.document import Json
from transformers.errors import MappingFailed


class Failing(Compensating, ABC):
    """Decides what a failed call means for its step."""

    @abstractmethod
    def _completed(self, token: Token, document: Json) -> None:
        """The step was done, and this is its reply: go on."""

    def _step_failed(self, token: Token, failure: CallFailure) -> None:
        """What may have been done is settled before anything else; then the operation's policy has the word."""
        token.doubtful = token.doubtful or failure.unknown
        if failure.unknown and self._program.calls[token.step].step.unknown:
            token.failure = Failure(token.step, failure.code, failure.message)
            self._reverse(token, failure)
            return
        repeatable = failure.idempotent or not failure.unknown
        match failure.action:
            case "retry" if repeatable:
                self._pause_then_send(token, failure, failure.pause)
            case "park" if self._it.status == "running":
                self._stick(token, Failure(token.step, failure.code, failure.message))
            case "warn":
                self._alarms.append(Alarm("warned", token.step, failure.code))
                self._completed(token, None)
            case "" if repeatable and failure.retry == "transient":
                self._try_again(token, failure)
            case _:
                self._give_up(token, failure)

    def _try_again(self, token: Token, failure: CallFailure) -> None:
        retry = self._retry(token)
        if token.tries + token.phase_tries >= retry.attempts:
            self._give_up(token, failure)
        else:
            self._pause_then_send(token, failure, self._pause(token, retry))

    def _pause_then_send(self, token: Token, failure: CallFailure, pause: float) -> None:
        due = self._now + pause
        if self._it.status != "running" or (token.deadline_at is not None and due >= token.deadline_at):
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
        token.doubted = token.request
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
            token.trouble = Failure(token.step, failure.code, failure.message)
            self._alarms.append(Alarm("reversal", token.step, failure.code))
        token.status, token.retry_at = "backoff", self._now + self._pause(token, retry)

    def _answered(self, token: Token, reply: Json) -> None:
        """The call that settles an unknown outcome has succeeded: it reversed the step, or says whether it was done."""
        call = self._program.calls[token.step]
        if not call.done.source:
            self._reversed(token)
            return
        context = self._it.context(reply=reply)
        try:
            done = call.done.holds(context)
            document = call.reply.evaluate(context) if done else None
        except MappingFailed as error:
            self._stick(token, Failure(token.step, "mapping", f"what the query answered cannot be read: {error}"))
            return
        if done:
            self._found_done(token, document)
        else:
            self._reversed(token, anew=False)

    def _found_done(self, token: Token, document: Json) -> None:
        """The step was done after all, and this is what it would have answered."""
        token.phase, token.failure, token.trouble, token.alerted = "do", None, None, False
        self._note(token, "completed", self._operation(token))
        self._completed(token, document)

    def _reversed(self, token: Token, *, anew: bool = True) -> None:
        """What the step's call may have done is not done any more: send it again, or fail.

        After a reversal it goes under a new key (``anew``), because the old one stands for what was reversed.
        """
        step = self._program.calls[token.step].step
        failure = token.failure or Failure(token.step, "provider-timeout", "its outcome was unknown and was reversed")
        token.phase, token.phase_tries, token.doubtful = "do", 0, False
        token.failure, token.trouble, token.alerted = None, None, False
        again = step.unknown is not None and step.unknown.then == "retry" and token.tries < step.retry.attempts
        if not again or self._it.status != "running":
            self._give_up(token, failure)
            return
        try:
            token.generation += int(anew)
            token.request = self._request(token) if anew else token.doubted
        except MappingFailed as error:
            self._give_up(token, Failure(token.step, "mapping", str(error)))
            return
        self._send(token)
