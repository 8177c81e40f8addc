"""One call of annotate at work: concurrent requests within rates and budget, each journalled before the next step."""

import asyncio
import hashlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pydantic import Field, model_validator

from classifiers.annotation.answers import UnfitAnswerError, find_answer
from classifiers.annotation.excerpts import Excerpt, Sample
from classifiers.annotation.journal import Entry, Journal, Outcome
from classifiers.annotation.judge import (
    Completion,
    Endpoint,
    EndpointError,
    Judge,
    OtherFormError,
    RejectedError,
    TransientError,
)
from classifiers.annotation.pace import Budget, Pace, backoff
from classifiers.annotation.rubric import Rubric, Verdict

FIRST, SECOND = 1, 2
TRIES = 2
"""Answers without a usable verdict after which a document is discarded."""
DISCARDED_AT_FIRST = 10
"""Documents without an accepted one among them whose answers cannot be used: no more are paid for."""
FAILED_IN_A_ROW = 3
"""Documents failed in a row, per request under way, after which the endpoint is taken to be down."""
LONGEST_WAIT = 600.0
"""Seconds; an endpoint that asks for more has to be called again later."""
TEMPLATE_TOKENS = 64
"""Tokens that a chat template adds to the messages, at most."""


class Settings(Endpoint):
    """How a sample is judged."""

    concurrency: int = Field(default=8, ge=1)
    """Requests under way at once."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Limit of the endpoint."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Limit of the endpoint, prompt and answer together."""
    attempts: int = Field(default=5, ge=1)
    """Requests for one document that may fail before it is given up for now."""
    backoff: float = Field(default=1.0, ge=0)
    """Seconds to wait after the first failure; doubled after each further one, up to a minute."""
    repeat: float = Field(default=0.0, ge=0, le=1)
    """Share of the accepted documents that is judged a second time, to measure how far the judge agrees with itself.
    The second request has another seed; at temperature 0 it shows the noise of the endpoint alone."""
    budget: float | None = Field(default=None, gt=0)
    """Money that all calls for a folder may cost together, in the currency of the prices."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens of prompt."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens of answer."""

    @model_validator(mode="after")
    def _priced(self) -> "Settings":
        if self.budget is not None and not self.price_in + self.price_out:
            raise ValueError("a budget needs price_in and price_out")
        return self

    def price(self, tokens_in: int, tokens_out: int) -> float:
        """Return what so many tokens cost."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6


@dataclass(frozen=True, slots=True)
class Status:
    """Where an annotation stands: documents of both passes, tokens and cost of all calls, seconds left if known."""

    done: int
    total: int
    accepted: int
    refused: int
    discarded: int
    failed: int
    tokens: int
    cost: float
    seconds_left: float | None


Progress = Callable[[Status], None]


@dataclass(frozen=True, slots=True)
class Ending:
    """What follows from one request. ``failure``: it counts against the attempts; ``wait``: seconds before the next."""

    outcome: Outcome
    reason: str | None = None
    failure: bool = False
    wait: float = 0.0


class Session:
    """One call of annotate."""

    def __init__(
        self, sample: Sample, rubric: Rubric, settings: Settings, journal: Journal, progress: Progress
    ) -> None:
        self.sample, self.rubric, self.settings, self.journal = sample, rubric, settings, journal
        self.stopped: str | None = None
        self.broken: EndpointError | None = None
        self._progress = progress
        self._stop = asyncio.Event()
        self._requests = Pace(settings.requests_per_minute)
        self._tokens = Pace(settings.tokens_per_minute)
        self._budget = Budget(settings.budget, journal.history.cost)
        self._resume_at = 0.0
        self._failed_in_a_row = self._discarded = 0
        self._started, self._judged, self._to_judge = time.monotonic(), 0, 0
        self._twice = sum(map(self._is_twice, sample.excerpts))

    async def run(self) -> None:
        """Judge what is pending: first all documents once, then the share that is judged twice."""
        first, again = self._pending(self.sample.excerpts, FIRST), self._pending(self._accepted_twice(), SECOND)
        if not first and not again:
            return
        self._to_judge = len(first) + len(again) + sum(self._is_twice(excerpt) for excerpt in first)
        judge = Judge(self.settings)
        self.report()
        try:
            with self._interruptible():
                await self._all(judge, first, FIRST)
                await self._all(judge, self._pending(self._accepted_twice(), SECOND), SECOND)
        finally:
            await judge.close()

    def _pending(self, excerpts: Iterable[Excerpt], turn: int) -> list[Excerpt]:
        return [excerpt for excerpt in excerpts if not self.journal.history.is_done(turn, excerpt.key)]

    def _accepted_twice(self) -> list[Excerpt]:
        history = self.journal.history
        chosen = [excerpt for excerpt in self.sample.excerpts if self._is_twice(excerpt)]
        return [excerpt for excerpt in chosen if history.final_outcome(FIRST, excerpt.key) == "accepted"]

    def _is_twice(self, excerpt: Excerpt) -> bool:
        digest = hashlib.blake2b(f"{self.settings.seed} {excerpt.key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) < self.settings.repeat * 2**64

    async def _all(self, judge: Judge, excerpts: list[Excerpt], turn: int) -> None:
        waiting = iter(excerpts)

        async def work() -> None:
            try:
                for excerpt in waiting:
                    await Document(self, judge, excerpt, turn).run()
                    self.report()
            except Exception as error:
                self.stop(f"unexpected {type(error).__name__}")  # what is under way is journalled before it is raised
                raise

        workers = (work() for _ in range(min(self.settings.concurrency, len(excerpts))))
        for error in await asyncio.gather(*workers, return_exceptions=True):
            if error:
                raise error

    async def admit(self, bound: float, tokens: int) -> bool:
        """Wait until one more request may start and set aside the most it may cost; False where none may."""
        if self._stop.is_set():
            return False
        if not await self._budget.reserve(bound):
            self.stop("the budget is used up")
            return False
        now = time.monotonic()
        waits = self._requests.book(1, now), self._tokens.book(tokens, now), self._resume_at - now
        await self.rest(max(waits))
        while (pause := self._resume_at - time.monotonic()) > 0 and not self._stop.is_set():
            await self.rest(pause)
        if self._stop.is_set():
            await self._budget.settle(bound, 0.0)
            return False
        return True

    async def settle(self, bound: float, expected: int, entry: Entry) -> None:
        """Record a request that has ended, and what it took of budget and rate."""
        try:
            self.journal.append(entry)
        finally:
            await self._budget.settle(bound, entry.cost)
        if not entry.estimated:
            self._tokens.correct((entry.tokens_in or 0) + (entry.tokens_out or 0) - expected)

    async def release(self, bound: float) -> None:
        """Give back what was set aside for a request that ends without an entry."""
        await self._budget.settle(bound, 0.0)

    def note(self, ending: Ending, judge: Judge) -> None:
        """Give up on an endpoint that fails for one document after another, and on a judge whose answers never fit."""
        self._judged += ending.outcome != "retry"
        if not ending.failure:
            self._failed_in_a_row = 0
        outcomes = self.journal.history.outcomes
        if ending.outcome == "discarded" and not outcomes[FIRST, "accepted"]:
            self._discarded += 1
            if self._discarded >= DISCARDED_AT_FIRST:
                self.give_up(f"none of the first {self._discarded} answers fits the rubric, the last: {ending.reason}")
        if ending.outcome != "failed":
            return
        self._failed_in_a_row += 1
        under_way = self.settings.concurrency if judge.proven else 1
        if self._failed_in_a_row >= FAILED_IN_A_ROW * under_way:
            self.give_up(f"{self._failed_in_a_row} documents in a row got no answer, the last: {ending.reason}")

    def pause(self, seconds: float) -> None:
        """Let no request start for a while, as the endpoint asks."""
        if seconds > LONGEST_WAIT:
            self.give_up(f"the endpoint asks to come back in {seconds:.0f} s")
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def give_up(self, reason: str) -> None:
        """End with an error, after the requests under way."""
        self.broken = self.broken or EndpointError(f"{self.settings.base_url}: {reason}; a new call goes on from here")
        self.stop(reason)

    def stop(self, reason: str) -> None:
        """Start no further request."""
        self.stopped = self.stopped or reason
        self._stop.set()

    async def rest(self, seconds: float) -> None:
        """Sleep until the time is over or no further request may start."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)

    def report(self) -> None:
        """Tell how far it is."""
        history = self.journal.history
        each = (time.monotonic() - self._started) / self._judged if self._judged else None
        self._progress(
            Status(
                done=history.outcomes.total(),
                total=len(self.sample.excerpts) + self._twice,
                accepted=history.outcomes[FIRST, "accepted"],
                refused=history.outcomes[FIRST, "refused"],
                discarded=history.outcomes[FIRST, "discarded"],
                failed=history.outcomes[FIRST, "failed"],
                tokens=history.tokens_in + history.tokens_out,
                cost=history.cost,
                seconds_left=None if each is None else each * max(0, self._to_judge - self._judged),
            )
        )

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            loop.remove_signal_handler(signal.SIGINT)
            self.stop("interrupted")

        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


class Document:
    """One document in one pass, until it has a final outcome or no further request may start."""

    def __init__(self, session: Session, judge: Judge, excerpt: Excerpt, turn: int) -> None:
        self.session, self.judge, self.excerpt, self.turn = session, judge, excerpt, turn
        self.failures = 0
        self.messages = session.rubric.messages(excerpt.text)
        self.schema = session.rubric.schema_of_answer
        # a tokenizer makes at most one token of a byte
        size = len(str(self.schema)) + sum(len(message["content"].encode()) for message in self.messages)
        self.most_tokens = size + TEMPLATE_TOKENS
        self.bound = session.settings.price(self.most_tokens, session.settings.max_tokens)

    async def run(self) -> None:
        """Ask until something final comes of it."""
        while True:
            async with self.judge.turn():
                expected = self._expected_tokens()
                if not await self.session.admit(self.bound, expected):
                    return
                ending = await self._ask(expected)
            self.session.note(ending, self.judge)
            if ending.outcome != "retry":
                return
            await self.session.rest(ending.wait)

    async def _ask(self, expected: int) -> Ending:
        history, place = self.session.journal.history, (self.turn, self.excerpt.key)
        seed = self.session.settings.seed + TRIES * (self.turn - 1) + history.unfit[place]
        started = time.monotonic()
        completion, unpaid, form = None, True, self.judge.form.answer
        try:
            completion = await self.judge.ask(self.messages, self.schema, seed)
            ending = self._read(completion)
        except OtherFormError as error:
            ending = Ending("retry", str(error))
        except TransientError as error:
            unpaid = error.unpaid
            ending = self._later(error)
        except RejectedError as error:
            ending = Ending("refused" if error.filtered else "discarded", str(error))
        except EndpointError as error:
            ending = Ending("retry", str(error))
            self.session.give_up(str(error))
        except Exception:
            await self.session.release(self.bound)
            raise
        await self.session.settle(self.bound, expected, self._entry(ending, completion, unpaid, form, started))
        return ending

    def _read(self, completion: Completion) -> Ending:
        if completion.refusal:
            return Ending("refused", f"refusal: {completion.refusal}")
        try:
            read_verdict(self.session.rubric, completion.content, completion.finish, self.excerpt.text)
        except UnfitAnswerError as error:
            last = self.session.journal.history.unfit[self.turn, self.excerpt.key] + 1 >= TRIES
            return Ending("discarded" if last else "retry", str(error))
        return Ending("accepted")

    def _later(self, error: TransientError) -> Ending:
        settings = self.session.settings
        self.failures += 1
        if error.wait:
            self.session.pause(error.wait)
        if self.failures >= settings.attempts:
            return Ending("failed", str(error), failure=True)
        seed = f"{settings.seed} {self.excerpt.key} {self.turn} {self.failures}"
        return Ending("retry", str(error), failure=True, wait=backoff(settings.backoff, self.failures, seed))

    def _entry(self, ending: Ending, completion: Completion | None, unpaid: bool, form: str, started: float) -> Entry:
        settings, rubric = self.session.settings, self.session.rubric
        usage = completion.usage if completion else None
        estimated = not usage and (completion is not None or not unpaid)
        known = settings.price(usage.prompt_tokens, usage.completion_tokens) if usage else 0.0
        return Entry(
            key=self.excerpt.key,
            turn=self.turn,
            attempt=self.session.journal.history.attempts[self.turn, self.excerpt.key] + 1,
            outcome=ending.outcome,
            reason=ending.reason,
            answer=completion.content if completion else None,
            finish=completion.finish if completion else None,
            served_by=completion.model if completion else None,
            model=settings.model,
            form=form,
            rubric=rubric.name,
            rubric_version=rubric.version,
            rubric_hash=rubric.hash,
            seconds=round(time.monotonic() - started, 3),
            tokens_in=usage.prompt_tokens if usage else None,
            tokens_out=usage.completion_tokens if usage else None,
            cost=self.bound if estimated else known,
            estimated=estimated,
        )

    def _expected_tokens(self) -> int:
        history = self.session.journal.history
        if history.counted:
            return math.ceil((history.tokens_in + history.tokens_out) / history.counted)
        return self.most_tokens // 3


def read_verdict(rubric: Rubric, answer: str, finish: str | None, page: str) -> Verdict:
    """Read the verdict on a page out of a raw answer. Raises UnfitAnswerError."""
    if finish == "length":
        raise UnfitAnswerError(f"answer truncated: {answer[-20:]!r}")
    return rubric.verdict(find_answer(answer, page))
