"""One way to test every carrier's connector: cases are data, the rules that all carriers keep are here.

A new carrier adds a `Suite` and its own cases; `send_cases` and `ask_cases` add what holds for all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from kabar.carriers.base import Account, Answer, Carrier, Request
from kabar.domain.handover import AnswerLost, CarrierError, Refused, Result, Throttled, Unreachable
from kabar.domain.messages import Message

SECONDS = 7.5


@dataclass(frozen=True)
class Case:
    """What a carrier answers to one call, and what that means: results by id, or the error it is."""

    label: str
    answer: Answer | CarrierError
    expected: Mapping[str, Result] | type[CarrierError]
    request: Request | None = None
    retry_after: float | None = None
    messages: Sequence[Message] | None = None

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class Suite:
    """A carrier under test, and the messages of its cases unless they bring their own."""

    carrier: Carrier
    account: Account
    sender: str
    messages: Sequence[Message]
    readable: bytes  # the body of an answer that accepts `messages`
    bad_request: type[Refused] = Refused  # what 400, 413 and 422 mean whatever their bodies say

    @property
    def secrets(self) -> list[str]:
        """What no error may say."""
        texts = [
            text for message in self.messages for text in (message.text, message.mobile, message.mobile[1:])
        ]
        return [self.account.api_key, *texts]


def _every_call(suite: Suite) -> list[Case]:
    unreadable = {
        "nothing": b"",
        "HTML": b"<html>OK</html>",
        "half of it": suite.readable[: len(suite.readable) // 2],
        "bytes that are no text": b"\xff\xfe\x00",
        "null": b"null",
        "a number": b"7",
        "an empty object": b"{}",
        "a list": b"[]",
        "brackets without end": b"[" * 200_000,
    }
    return [
        *(Case(f"F3 {code}", Answer(code), AnswerLost) for code in (500, 502, 503, 504, 520)),
        *(Case(f"{code} says nothing for sure", Answer(code), AnswerLost) for code in (302, 307, 408)),
        *(
            Case(f"F8 200 with {what}", Answer(200, {}, body), AnswerLost)
            for what, body in unreadable.items()
        ),
        *(Case(f"F12 {code}", Answer(code), Refused) for code in (401, 402, 403, 404)),
        *(Case(f"{code} says no more", Answer(code), suite.bad_request) for code in (400, 413, 422)),
        *(
            Case(f"400 with {what}", Answer(400, {}, body), suite.bad_request)
            for what, body in unreadable.items()
        ),
        Case(
            "400 with violations of another shape", Answer(400, {}, b'{"violations": [1]}'), suite.bad_request
        ),
        Case("400 with a number of violations", Answer(400, {}, b'{"violations": 5}'), suite.bad_request),
        Case("F2 429 for seconds", Answer(429, {"retry-after": "17"}), Throttled, retry_after=17),
        Case(
            "F2 429 until a date",
            Answer(
                429,
                {"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"},
            ),
            Throttled,
            retry_after=30,
        ),
        Case("F2 429 without a time", Answer(429), Throttled),
        Case("F5 no answer", AnswerLost("no answer"), AnswerLost),
        Case("F6 no connection", Unreachable("no connection"), Unreachable),
    ]


def send_cases(suite: Suite, *own: Case) -> list[Case]:
    """The carrier's own cases of handing over, and everybody's."""
    return [*own, *_every_call(suite)]


def ask_cases(suite: Suite, *own: Case) -> list[Case]:
    """The carrier's own cases of asking, and everybody's."""
    return [*own, *_every_call(suite)]


def check_send(suite: Suite, case: Case) -> None:
    """Hand the messages over and compare."""
    messages = suite.messages if case.messages is None else case.messages
    line = _Line(case.answer)
    _compare(
        suite,
        case,
        line,
        lambda: suite.carrier.send(suite.account, line, suite.sender, messages, SECONDS),
        messages,
    )


def check_ask(suite: Suite, case: Case) -> None:
    """Ask for the messages and compare."""
    messages = suite.messages if case.messages is None else case.messages
    line = _Line(case.answer)
    ids = [message.id for message in messages]
    _compare(suite, case, line, lambda: suite.carrier.ask(suite.account, line, ids, SECONDS), messages)


class _Line:
    """A `Call` that gives one answer and remembers."""

    def __init__(self, answer: Answer | CarrierError) -> None:
        self._answer = answer
        self.requests: list[Request] = []

    def __call__(self, request: Request, seconds: float) -> Answer:
        assert seconds == SECONDS, "the deadline goes down to the wire"
        self.requests.append(request)
        if isinstance(self._answer, CarrierError):
            raise self._answer
        return self._answer


def _compare(
    suite: Suite,
    case: Case,
    line: _Line,
    act: Callable[[], Mapping[str, Result]],
    messages: Sequence[Message],
) -> None:
    if isinstance(case.expected, type):
        with pytest.raises(case.expected) as caught:
            act()
        assert caught.type is case.expected
        assert not [secret for secret in suite.secrets if secret in str(caught.value)]
        if isinstance(caught.value, Throttled):
            assert caught.value.retry_after > 0
            assert case.retry_after in (None, caught.value.retry_after)
    else:
        results = act()
        assert dict(results) == case.expected
        assert set(results) <= {message.id for message in messages}
    assert len(line.requests) == 1, "one call, no retry inside"
    if case.request:
        assert line.requests == [case.request]
