import io
from collections.abc import Sequence
from itertools import chain
from typing import IO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.segments import MOST_RECEIVERS, SegmentWriter, batches, received, segments

KIND = np.dtype([("number", "<u8"), ("sketch", "u1", (3,))])
STARTED = settings(deadline=None)  # the first example compiles the kernel
RECEIVERS = 4
Senders = list[list[list[int]]]
SENDERS = st.lists(st.lists(st.lists(st.integers(0, RECEIVERS - 1), max_size=20), max_size=4), max_size=4)
"""Sender -> what it writes at once -> the receiver of each record."""


BUFFERS = st.sampled_from([0, 100, 1 << 20])


class Sent:
    """Files of one phase in memory."""

    def __init__(self, senders: Sequence[Sequence[Sequence[int]]], buffer: int) -> None:
        self.files: list[bytes] = []
        self.expected: list[list[list[int]]] = []
        """Receiver -> sender -> numbers."""
        number = 0
        told: list[list[list[int]]] = []
        for writes in senders:
            file = io.BytesIO()
            writer = SegmentWriter(file, RECEIVERS, buffer)
            told.append([[] for _ in range(RECEIVERS)])
            for to in writes:
                records = np.zeros(len(to), KIND)
                records["number"] = range(number, number + len(to))
                records["sketch"] = records["number"][:, np.newaxis] % 251
                for receiver, value in zip(to, records["number"].tolist(), strict=True):
                    told[-1][receiver].append(value)
                writer.write(records, np.array(to, np.int64))
                number += len(to)
            writer.close()
            self.files.append(file.getvalue())
        self.expected = [[of_sender[receiver] for of_sender in told] for receiver in range(RECEIVERS)]

    def open(self, phase: str, task: int, name: str) -> IO[bytes]:
        assert (phase, name) == ("phase", "name")
        return io.BytesIO(self.files[task])


@STARTED
@given(SENDERS, BUFFERS)
def test_each_receiver_gets_its_records_sender_by_sender_in_order(senders: Senders, buffer: int) -> None:
    sent = Sent(senders, buffer)
    for receiver in range(RECEIVERS):
        found = list(segments(sent, "phase", len(senders), "name", receiver, KIND))
        assert [piece["number"].tolist() for piece in found] == sent.expected[receiver]
        whole = received(sent, "phase", len(senders), "name", receiver, KIND)
        assert whole["number"].tolist() == list(chain(*sent.expected[receiver]))
        assert np.array_equal(whole["sketch"], np.repeat(whole["number"][:, np.newaxis] % 251, 3, axis=1))


@STARTED
@given(SENDERS, BUFFERS, st.integers(1, 30))
def test_batches_hold_the_same_in_pieces_of_bounded_size(senders: Senders, buffer: int, most: int) -> None:
    sent = Sent(senders, buffer)
    for receiver in range(RECEIVERS):
        found = list(batches(sent, "phase", len(senders), "name", receiver, KIND, most))
        assert [number for piece in found for number in piece["number"].tolist()] == list(
            chain(*sent.expected[receiver])
        )
        assert all(most <= piece.size < most + 80 for piece in found[:-1])
        assert all(0 < piece.size < most + 80 for piece in found)


def test_more_receivers_than_the_index_is_made_for_are_refused() -> None:
    SegmentWriter(io.BytesIO(), MOST_RECEIVERS)
    with pytest.raises(ValueError, match="raise `memory`"):
        SegmentWriter(io.BytesIO(), MOST_RECEIVERS + 1)
