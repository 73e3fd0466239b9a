"""What follows a leg, and how its work is laid out in lanes."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.campaigns import (
    ALIVE,
    LEG_SECONDS,
    MAX_LANES,
    MAX_STALLED_LEGS,
    MOVES,
    ChunkState,
    Decision,
    Life,
    Next,
    NotAllowed,
    after_leg,
    lanes,
    target,
)

NOW = 1_000_000


def chunk(number: int, *, closed: bool = False, wake: int | None = None, settled: int = 0) -> ChunkState:
    return ChunkState(number, closed, wake, settled)


CLOSED = chunk(0, closed=True, settled=500)
WAITING = chunk(1, wake=NOW + 60_000)
FREE = chunk(1)

CASES = [
    ("all closed: complete", Life.SENDING, 1, [CLOSED], 0, Next.COMPLETE, 0),
    ("nobody to send to: complete", Life.SENDING, 0, [], 0, Next.COMPLETE, 0),
    ("all closed, though a carrier is down", Life.SENDING, 1, [CLOSED], NOW + 9, Next.COMPLETE, 0),
    ("one chunk untouched: go on", Life.SENDING, 2, [CLOSED], 0, Next.GO_ON, 0),
    ("nothing touched yet: go on", Life.SENDING, 2, [], 0, Next.GO_ON, 0),
    ("one chunk open without a wait: go on", Life.SENDING, 2, [CLOSED, FREE], 0, Next.GO_ON, 0),
    ("its wait is over: go on", Life.SENDING, 2, [CLOSED, chunk(1, wake=NOW)], 0, Next.GO_ON, 0),
    ("one waits, one is free: go on", Life.SENDING, 2, [WAITING, chunk(0)], 0, Next.GO_ON, 0),
    ("the rest waits: wait as long", Life.SENDING, 2, [CLOSED, WAITING], 0, Next.WAIT, NOW + 60_000),
    (
        "two wait: until the earlier",
        Life.SENDING,
        2,
        [WAITING, chunk(0, wake=NOW + 5)],
        0,
        Next.WAIT,
        NOW + 5,
    ),
    (
        "a closed chunk's wait doesn't count",
        Life.SENDING,
        2,
        [chunk(0, closed=True, wake=NOW + 5), WAITING],
        0,
        Next.WAIT,
        NOW + 60_000,
    ),
    ("the carrier is down: wait for it", Life.SENDING, 2, [CLOSED, FREE], NOW + 9, Next.WAIT, NOW + 9),
    ("it is up again: go on", Life.SENDING, 2, [CLOSED, FREE], NOW, Next.GO_ON, 0),
    ("cancelled: close", Life.CANCELLED, 2, [CLOSED, WAITING], NOW + 9, Next.CLOSE, 0),
    ("cancelled with everything sent: close", Life.CANCELLED, 1, [CLOSED], 0, Next.CLOSE, 0),
    ("paused: so be it", Life.PAUSED, 2, [CLOSED, FREE], 0, Next.RELEASE, 0),
]


@pytest.mark.parametrize(
    ("life", "chunks", "touched", "hold", "what", "at"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_follows_a_leg(
    life: Life, chunks: int, touched: list[ChunkState], hold: int, what: Next, at: int
) -> None:
    decision = after_leg(life, chunks, touched, NOW, hold=hold, progress=0, stalled=0)
    assert (decision.what, decision.at) == (what, at)


CHUNKS = st.lists(
    st.tuples(st.booleans(), st.none() | st.integers(NOW - 5, NOW + 5), st.integers(0, 500)), max_size=8
).map(lambda rows: [ChunkState(number, *row) for number, row in enumerate(rows)])


@given(st.sampled_from(sorted(ALIVE)), CHUNKS, st.integers(0, 3), st.integers(NOW - 3, NOW + 3))
def test_a_living_campaign_is_complete_exactly_when_every_chunk_is_closed(
    life: Life, touched: list[ChunkState], untouched: int, hold: int
) -> None:
    """F16"""
    decision = after_leg(
        life, len(touched) + untouched, touched, NOW, hold=hold, progress=0, stalled=MAX_STALLED_LEGS
    )
    assert (decision.what is Next.COMPLETE) == (not untouched and all(c.closed for c in touched))


@given(CHUNKS, st.integers(0, 3), st.integers(NOW - 3, NOW + 3), st.integers(0, 20))
def test_a_wait_is_ahead_and_never_counted(
    touched: list[ChunkState], untouched: int, hold: int, stalled: int
) -> None:
    decision = after_leg(
        Life.SENDING, len(touched) + untouched, touched, NOW, hold=hold, progress=4000, stalled=stalled
    )
    if decision.what is Next.WAIT:
        assert decision.at > NOW
        assert decision.stalled <= stalled


IDLE = st.integers(1, MAX_STALLED_LEGS).map(lambda times: [("work", 0)] * times)
ANY = st.tuples(st.sampled_from(["work", "wait"]), st.integers(0, 1)).map(lambda leg: [leg])
LEGS = st.lists(IDLE | ANY, min_size=1).map(lambda parts: [leg for part in parts for leg in part])


@given(LEGS)
def test_legs_in_a_row_that_could_work_and_settled_nobody_are_bounded(legs: list[tuple[str, int]]) -> None:
    settled = idle = 0
    kept = Decision(Next.GO_ON)
    for kind, gain in legs:
        settled += gain
        idle = 0 if gain else idle + (kind == "work")
        touched = [chunk(0, wake=NOW + 1 if kind == "wait" else None, settled=settled)]
        kept = after_leg(Life.SENDING, 1, touched, NOW, hold=0, progress=kept.progress, stalled=kept.stalled)
        assert (kept.what is Next.FAIL) == (kind == "work" and idle > MAX_STALLED_LEGS)
        if kept.what is Next.FAIL:
            return


def test_a_leg_that_goes_on_for_ever_ends() -> None:
    """Whatever the numbers: without progress at most so many legs follow one another."""
    kept, legs = Decision(Next.GO_ON), 0
    while kept.what is Next.GO_ON:
        kept = after_leg(
            Life.SENDING, 1, [chunk(0)], NOW, hold=0, progress=kept.progress, stalled=kept.stalled
        )
        legs += 1
    assert (kept.what, legs) == (Next.FAIL, MAX_STALLED_LEGS + 1)


# ---- who may move it where [F5] [F7] ---------------------------------------------------------------------

# a column per status, in the order of Life; the letter is the status that the move leads to, - means refused
LETTERS = dict(zip("dsqnwpmxcf", Life, strict=True))
ALLOWED = """
    move                  d s q n w p m x c f
    edit                  d s q - w p m - - -
    schedule              s s s - s p s - - -
    delete                d - - - - - - - - -
    speed                 - s q n w p m - - -
    pause                 - p p p p - - - - -
    resume                - - - - - q q - - -
    cancel                - c c c c c c - - -
    queued                - q q q q - - - - -
    sending               - n n n n - - - - -
    waiting_for_window    - w w w w - - - - -
    missed                - m - - - - - - - -
    completed             - x x x x - - - - -
    failed                - f f f f - - - - -
    cancelled             - - - - - - - - c -
"""
CELLS = [
    (move, life, LETTERS.get(letter))
    for move, *letters in (line.split() for line in ALLOWED.strip().splitlines()[1:])
    for life, letter in zip(Life, letters, strict=True)
]


@pytest.mark.parametrize(("move", "life", "leads_to"), CELLS)
def test_every_move_from_every_status_leads_where_it_should_or_nowhere(
    move: str, life: Life, leads_to: Life | None
) -> None:
    assert MOVES[move].get(life) is leads_to
    if leads_to:
        assert target(move, life, started=False, ahead=False) is leads_to
    else:
        with pytest.raises(NotAllowed, match=f"is {life}; `{move}` is for one that is "):
            target(move, life, started=False, ahead=False)


def test_the_table_of_moves_is_whole() -> None:
    assert {move for move, _, _ in CELLS} == set(MOVES)
    assert len(CELLS) == len(MOVES) * len(Life)


@pytest.mark.parametrize("move", ["edit", "schedule"])
@pytest.mark.parametrize("life", Life)
def test_what_has_started_is_never_edited_again_and_is_told_why(move: str, life: Life) -> None:
    """[F5] Paused or waiting for its window in the middle, too."""
    with pytest.raises(NotAllowed, match="has started"):
        target(move, life, started=True, ahead=False)


@pytest.mark.parametrize(
    ("move", "when"),
    [
        ("delete", "draft"),
        ("resume", "paused or missed"),
        ("edit", "draft, scheduled, queued, waiting_for_window, paused or missed"),
    ],
)
def test_who_may_not_is_told_when_they_could(move: str, when: str) -> None:
    with pytest.raises(NotAllowed) as told:
        target(move, Life.SENDING)
    assert str(told.value) == f"The campaign is sending; `{move}` is for one that is {when}."


def test_what_has_started_can_be_paused_and_cancelled() -> None:
    assert target("pause", Life.SENDING, started=True) is Life.PAUSED
    assert target("cancel", Life.SENDING, started=True) is Life.CANCELLED


@pytest.mark.parametrize("life", [Life.PAUSED, Life.MISSED])
def test_a_resume_before_its_time_waits_for_it(life: Life) -> None:
    assert target("resume", life, started=False, ahead=True) is Life.SCHEDULED


@pytest.mark.parametrize("move", MOVES)
def test_nothing_moves_a_campaign_that_is_over_but_to_its_end(move: str) -> None:
    over = {Life.COMPLETED, Life.CANCELLED, Life.FAILED}
    assert not set(MOVES[move]) & over or move == Life.CANCELLED


# ---- lanes ----------------------------------------------------------------------------------------------

OPEN = st.sets(st.integers(0, 3000), max_size=300).map(sorted)
SEGMENTS = st.floats(0, 5000, allow_nan=False)
RATE = st.floats(0.1, 1000, allow_nan=False)


def test_nothing_open_needs_no_lane() -> None:
    assert lanes([], 500, 100) == []


@pytest.mark.parametrize(
    ("open_chunks", "chunks_a_leg", "begins"),
    [([4, 7, 9], 1, [4, 7, 9, 4]), ([0, 1, 2, 3, 4], 2, [0, 2, 4, 1]), ([4, 7, 9], 3, [4, 4, 4, 4])],
)
def test_legs_that_settle_nobody_begin_with_one_chunk_after_the_other(
    open_chunks: list[int], chunks_a_leg: int, begins: list[int]
) -> None:
    """A carrier in trouble may leave one slice in doubt for many legs; all the others can be sent."""
    rate = chunks_a_leg * 500 / LEG_SECONDS
    made = [lanes(open_chunks, 500, rate, stalled=stalled) for stalled in range(4)]
    assert [ranges[0]["first"] for ranges in made] == begins
    assert lanes([], 500, rate, stalled=3) == []


@pytest.mark.parametrize(
    ("chunks", "segments", "rate", "expected"),
    [
        (1, 500, 100, [(0, 0)]),
        (4, 500, 100, [(0, 3)]),
        (5, 500, 100, [(0, 1), (2, 4)]),
        (2000, 500, 100, [(n * 12, n * 12 + 11) for n in range(10)]),  # 60,000 segments in ten minutes
        (2000, 1000, 1, [(0, 0)]),  # slower than a chunk in ten minutes: one all the same
        (3, 0, 1, [(0, 2)]),
    ],
)
def test_lanes_by_example(chunks: int, segments: float, rate: float, expected: list[tuple[int, int]]) -> None:
    ranges = lanes(range(chunks), segments, rate)
    assert [(lane["first"], lane["last"]) for lane in ranges] == expected
    assert {lane["of"] for lane in ranges} == {len(expected)}


@pytest.mark.parametrize(("most", "lanes_made"), [(3, 3), (MAX_LANES, MAX_LANES), (50, MAX_LANES)])
def test_there_are_no_more_lanes_than_asked_for_or_than_ten(most: int, lanes_made: int) -> None:
    assert len(lanes(range(2000), 500, 100, most)) == lanes_made


@given(OPEN, SEGMENTS, RATE)
def test_every_open_chunk_up_to_the_legs_limit_is_in_exactly_one_lane(
    open_chunks: list[int], segments: float, rate: float
) -> None:
    ranges = lanes(open_chunks, segments, rate)
    assert len(ranges) <= MAX_LANES
    edges = [edge for lane in ranges for edge in (lane["first"], lane["last"])]
    assert edges == sorted(edges)
    assert len({lane["first"] for lane in ranges}) == len(ranges)
    covered = [n for n in open_chunks if sum(lane["first"] <= n <= lane["last"] for lane in ranges) == 1]
    assert covered == open_chunks[: len(covered)]
    assert bool(covered) == bool(open_chunks)
    if len(covered) < len(open_chunks):
        assert len(covered) == max(1, int(rate * LEG_SECONDS / max(segments, 1)))


@given(OPEN, SEGMENTS, RATE)
def test_no_lane_has_much_more_to_do_than_another(
    open_chunks: list[int], segments: float, rate: float
) -> None:
    ranges = lanes(open_chunks, segments, rate)
    sizes = [sum(lane["first"] <= n <= lane["last"] for n in open_chunks) for lane in ranges]
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert sum(sizes) <= max(1, ceil(rate * LEG_SECONDS / max(segments, 1)))
