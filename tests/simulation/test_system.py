"""The whole system against any mixture of faults; `make simulate` makes many more of these runs."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from kabar.domain import slices
from kabar.domain.slices import Claim
from kabar.legs.gate import Gate
from kabar.legs.send import LegControl
from kabar.storage.chunks import Chunks
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.facts import ChunkPeople
from kabar.storage.held import Held
from kabar.storage.turns import Turns
from tests.simulation.system import case, machinery

Modules = dict[str, ModuleType]
RUNS = 240  # within which a broken guard shows


@pytest.fixture(scope="module")
def modules() -> Iterator[Modules]:
    with machinery.installed() as loaded:
        yield loaded


@pytest.mark.parametrize("letter", "ABCD")
def test_nobody_twice_nobody_skipped_nobody_after_opting_out_whatever_fails(
    modules: Modules, letter: str
) -> None:
    for seed in range(60):
        result = case.run(seed, modules, letter=letter)
        assert not result.broken, "\n".join([str(result.plan), *result.broken])


def test_a_seed_repeats_its_run_to_the_last_step(modules: Modules) -> None:
    for seed in range(20):
        first, second = (case.run(seed, modules, traced=True) for _ in range(2))
        assert first.trace == second.trace


# ---- the checker has teeth ------------------------------------------------------------------------------


def _blind_claims(_self: ChunkLedger, _number: int, _claim: Claim, _over: Claim | None) -> bool:
    return True


def _no_reasons(*_: Any) -> dict[str, Any]:
    return {}


def _nothing(*_: Any, **__: Any) -> None:
    return None


GUARDS: list[tuple[str, Any, str, Callable[..., Any]]] = [
    ("claims that are never written", ChunkLedger, "_write", _blind_claims),
    ("standing that nobody reads", ChunkPeople, "standings", _no_reasons),
    ("facts that nobody writes", ChunkPeople, "write", _nothing),
    ("facts that nobody reads", ChunkPeople, "seen", _no_reasons),
    ("vectors that nobody merges", Chunks, "merge", lambda *_, **__: b""),
    ("doubts that are forgotten", slices.Slot, "doubt", _nothing),
    ("control that nobody looks at", LegControl, "go", lambda _: True),
    ("turns that anybody takes", Turns, "take", lambda *_: True),
    ("hours that nobody looks at", Gate, "opens", lambda *_: None),
    ("openings that release nothing", Held, "every", lambda *_: iter(())),
]


@pytest.mark.parametrize(
    ("holder", "name", "broken"), [guard[1:] for guard in GUARDS], ids=[guard[0] for guard in GUARDS]
)
def test_without_this_guard_a_run_breaks(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, holder: Any, name: str, broken: Callable[..., Any]
) -> None:
    monkeypatch.setattr(holder, name, broken)
    assert any(case.run(seed, modules).broken for seed in range(RUNS))
