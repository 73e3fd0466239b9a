"""Chunks of a plan that several wrote side by side."""

from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.layout import Shard, pieces


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 9))
def test_the_chunks_of_the_plan_are_the_shards_in_their_order_cut_anew(counts: list[int], size: int) -> None:
    shards = [Shard(f"f{number}", recipients) for number, recipients in enumerate(counts)]
    everybody = [(shard.folder, row) for shard in shards for row in range(shard.recipients)]
    chunks = -(-len(everybody) // size)
    found = []
    for number in range(chunks):
        chunk = []
        for piece in pieces(shards, number, size):
            assert 0 <= piece.first < piece.last <= size
            chunk += [(piece.folder, piece.number * size + row) for row in range(piece.first, piece.last)]
        assert len(chunk) == size or number == chunks - 1
        found += chunk
    assert found == everybody
    assert list(pieces(shards, chunks, size)) == []
