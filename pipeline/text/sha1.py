"""SHA-1 (FIPS 180-4) of many short messages at once, one a lane, so that the processor computes lanes side by side."""

import numpy as np
import numpy.typing as npt
from numba import njit

Words = npt.NDArray[np.uint32]

LANES = 16
BLOCK_BYTES, BLOCK_WORDS, LENGTH_BYTES = 64, 16, 8
ROUNDS, STAGE = 80, 20
CHOICE, MAJORITY = 0, 2
INITIAL = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], np.uint32)
CONSTANTS = np.array([0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6], np.uint32)


@njit(cache=True, nogil=True)
def padded_blocks(size: int) -> int:
    """Blocks of a message of ``size`` bytes, with the byte and the length that end it."""
    return (size + LENGTH_BYTES) // BLOCK_BYTES + 1


@njit(cache=True, nogil=True, inline="always")
def put(message: Words, lane: int, at: int, byte: int) -> None:
    """Write byte ``at`` of a lane's message, shape (BLOCK_WORDS * blocks, LANES), which was 0."""
    message[at >> 2, lane] |= np.uint32(byte) << np.uint32(24 - 8 * (at & 3))


@njit(cache=True, nogil=True)
def pad(message: Words, lane: int, size: int) -> None:
    """End a lane's message of ``size`` bytes: a set bit, then its length in bits at the end of its last block."""
    put(message, lane, size, 0x80)
    message[BLOCK_WORDS * padded_blocks(size) - 1, lane] = np.uint32(8 * size)


@njit(cache=True, nogil=True)
def first_words(message: Words, sizes: npt.NDArray[np.int64]) -> Words:
    """First words of the digests of LANES padded messages, which had ``sizes`` bytes, below 2^29 each."""
    state = np.empty((INITIAL.size, LANES), np.uint32)
    for place in range(INITIAL.size):
        state[place] = INITIAL[place]
    schedule = np.empty((ROUNDS, LANES), np.uint32)
    for block in range(padded_blocks(sizes.max())):
        before = state.copy()
        schedule[:BLOCK_WORDS] = message[block * BLOCK_WORDS : (block + 1) * BLOCK_WORDS]
        _expand(schedule)
        for stage in range(CONSTANTS.size):
            _twenty_rounds(stage, state, schedule[stage * STAGE : (stage + 1) * STAGE])
        for lane in range(LANES):
            done = block >= padded_blocks(sizes[lane])
            for place in range(INITIAL.size):
                state[place, lane] = before[place, lane] + (0 if done else state[place, lane])
    return state[0]


@njit(cache=True, nogil=True)
def _expand(schedule: Words) -> None:
    for time in range(BLOCK_WORDS, ROUNDS):
        for lane in range(LANES):
            word = schedule[time - 3, lane] ^ schedule[time - 8, lane]
            schedule[time, lane] = _rotated(word ^ schedule[time - 14, lane] ^ schedule[time - 16, lane], 1)


@njit(cache=True, nogil=True)
def _twenty_rounds(stage: int, state: Words, schedule: Words) -> None:
    for time in range(STAGE):
        for lane in range(LANES):
            a, b, c, d = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            added = np.uint32(_rotated(a, 5) + _function(stage, b, c, d) + state[4, lane] + schedule[time, lane])
            state[4, lane], state[3, lane], state[2, lane], state[1, lane] = d, c, _rotated(b, 30), a
            state[0, lane] = added + CONSTANTS[stage]


@njit(cache=True, nogil=True, inline="always")
def _function(stage: int, b: np.uint32, c: np.uint32, d: np.uint32) -> np.uint32:
    if stage == CHOICE:
        return d ^ (b & (c ^ d))
    if stage == MAJORITY:
        return (b & c) | (d & (b | c))
    return b ^ c ^ d


@njit(cache=True, nogil=True, inline="always")
def _rotated(word: np.uint32, by: int) -> np.uint32:
    return np.uint32(word << np.uint32(by) | word >> np.uint32(32 - by))
