"""Words of Japanese text by fugashi with unidic-lite, as places in the text instead of strings."""

import csv
from enum import IntEnum
from functools import cache
from pathlib import Path

import fugashi
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import unidic_lite
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.chars import Char, Table, char_table, decode, entry

WORD = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("pos", pa.uint8())])
WORDS = pa.field("words", pa.list_(WORD))
"""The words of each document, where they are known: places of their bytes in the text, and parts of speech."""

LONGEST_PIECE = 12_000
"""Bytes of a line from which on it is cut, since the tagger's lattice grows with the length of what it is given."""
SHARE = 1 << 22
"""Bytes given to the tagger before its output is read, which takes three times as many."""
LONGEST_CHARACTER = 4
LEAD_MASK, CONTINUATION = 0xC0, 0x80
NUL, NEWLINE, COMMA, ZERO = 0x00, 0x0A, 0x2C, 0x30
LIBRARIES = ("fugashi", "unidic-lite")

Places = npt.NDArray[np.int32]
Tags = npt.NDArray[np.uint8]


class PartOfSpeech(IntEnum):
    """First level of UniDic's parts of speech; words that are not in UniDic are nouns, or symbols if they begin so."""

    NOUN = 0
    VERB = 1
    ADJECTIVE = 2
    ADJECTIVAL_NOUN = 3
    ADVERB = 4
    PRONOUN = 5
    ADNOMINAL = 6
    CONJUNCTION = 7
    INTERJECTION = 8
    PARTICLE = 9
    AUXILIARY = 10
    PREFIX = 11
    SUFFIX = 12
    SYMBOL = 13
    PUNCTUATION = 14
    SPACE = 15
    OTHER = 16


UNKNOWN_NOUN, UNKNOWN_SYMBOL = int(PartOfSpeech.NOUN), int(PartOfSpeech.SYMBOL)
LAST_LETTER = int(Char.DIGIT)
UNIDIC_NAMES = {
    "名詞": PartOfSpeech.NOUN,
    "動詞": PartOfSpeech.VERB,
    "形容詞": PartOfSpeech.ADJECTIVE,
    "形状詞": PartOfSpeech.ADJECTIVAL_NOUN,
    "副詞": PartOfSpeech.ADVERB,
    "代名詞": PartOfSpeech.PRONOUN,
    "連体詞": PartOfSpeech.ADNOMINAL,
    "接続詞": PartOfSpeech.CONJUNCTION,
    "感動詞": PartOfSpeech.INTERJECTION,
    "助詞": PartOfSpeech.PARTICLE,
    "助動詞": PartOfSpeech.AUXILIARY,
    "接頭辞": PartOfSpeech.PREFIX,
    "接尾辞": PartOfSpeech.SUFFIX,
    "記号": PartOfSpeech.SYMBOL,
    "補助記号": PartOfSpeech.PUNCTUATION,
    "空白": PartOfSpeech.SPACE,
}


def segment(texts: pa.Array) -> pa.ListArray:
    """Segment n texts: a column of type WORDS, null where the text is null.

    Every line is segmented by itself, so that the words of a document are those of its lines; lines over LONGEST_PIECE
    bytes are cut. White space is no word and in no word: the few that the tagger makes with some inside, as in
    （ ゜Д゜）, are parted there. Raises UnicodeDecodeError for bytes that are no UTF-8.
    """
    offsets, data = buffers(texts)
    counts = np.zeros(len(texts), np.int32)
    found = [pa.array([], WORDS.type.value_type)]
    for pieces in _shares(_pieces(offsets, data)):
        tags = b"".join(_tagged(data[start:end].tobytes()) for start, end in pieces[:, 1:])
        tables = parts_of_speech(), char_table()
        of_row, *columns = _words(data, pieces, np.frombuffer(tags, np.uint8), offsets, tables)
        counts += of_row
        found.append(pa.StructArray.from_arrays([pa.array(column) for column in columns], fields=list(WORD)))
    places = np.zeros(len(texts) + 1, np.int32)
    np.cumsum(counts, out=places[1:])
    words = pa.concat_arrays(found)
    return pa.ListArray.from_arrays(pa.array(places), words, WORDS.type, mask=texts.is_null())


def fill(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give a batch its column of words; rows that have theirs already are not segmented again."""
    if WORDS.name not in batch.schema.names:
        return batch.append_column(WORDS, segment(batch["text"]))
    known = batch[WORDS.name]
    if not known.null_count:
        return batch
    missing = known.is_null()
    fresh = segment(batch["text"].filter(missing))
    rows = np.arange(batch.num_rows)
    rows[missing.to_numpy(zero_copy_only=False)] = len(known) + np.arange(len(fresh))
    column = pa.concat_arrays([known, fresh]).take(pa.array(rows))
    return batch.set_column(batch.schema.get_field_index(WORDS.name), WORDS, column)


def word_arrays(words: pa.ListArray) -> tuple[Offsets, Places, Places, Tags]:
    """Return n + 1 offsets into the words of n documents, then their starts, ends and parts of speech."""
    flat = words.values
    return words.offsets.to_numpy(), *(flat.field(index).to_numpy() for index in range(3))


@cache
def tagger() -> fugashi.GenericTagger:
    """One tagger per process; prints for each word the end of its bytes, and its left context id if it is known."""
    layout = "--output-format-type= --node-format=%pe,%phl, --unk-format=%pe,, --eos-format=,"
    return fugashi.GenericTagger(f'-r /dev/null -d "{unidic_lite.DICDIR}" {layout}')


@cache
def parts_of_speech() -> Tags:
    """Left context id of the dictionary -> PartOfSpeech."""
    with Path(unidic_lite.DICDIR, "left-id.def").open(encoding="utf-8") as lines:
        names = dict(line.rstrip("\n").split(" ", 1) for line in lines)
    table = np.full(len(names), PartOfSpeech.OTHER, np.uint8)
    for number, features in names.items():
        table[int(number)] = UNIDIC_NAMES.get(next(csv.reader([features]))[0], PartOfSpeech.OTHER)
    return table


def _shares(pieces: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Cut pieces into runs of about SHARE bytes."""
    ends = np.cumsum(pieces[:, 2] - pieces[:, 1]) // SHARE
    return np.split(pieces, np.flatnonzero(np.diff(ends)) + 1)


def _tagged(piece: bytes) -> bytes:
    return bytes(tagger().parse(piece.replace(b"\0", b" ").decode()), "ascii")


@njit(cache=True, nogil=True)
def _pieces(offsets: Offsets, data: Bytes) -> npt.NDArray[np.int64]:
    """Lines that are not empty, long ones cut: (m, 3) of row, first byte, end."""
    pieces = np.empty((64, 3), np.int64)
    count = 0
    for row in range(offsets.size - 1):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            end = _piece_end(data, at, stop)
            if count == pieces.shape[0]:
                pieces = np.concatenate((pieces, np.empty_like(pieces)))
            if end > at:
                pieces[count] = row, at, end
                count += 1
            at = end + (end < stop and data[end] == NEWLINE)
    return pieces[:count]


@njit(cache=True, nogil=True)
def _piece_end(data: Bytes, at: int, stop: int) -> int:
    """End of the line that begins here, or the last beginning of a character where it grows too long."""
    last = min(stop, at + LONGEST_PIECE)
    end = at
    while end < last and data[end] != NEWLINE:
        end += 1
    if end < stop and end == at + LONGEST_PIECE:
        while end > last - LONGEST_CHARACTER and data[end] & LEAD_MASK == CONTINUATION:
            end -= 1
    return end


@njit(cache=True, nogil=True)
def _words(
    data: Bytes, pieces: npt.NDArray[np.int64], tags: Bytes, offsets: Offsets, tables: tuple[Tags, Table]
) -> tuple[npt.NDArray[np.int32], Places, Places, Tags]:
    """Read the tagger's numbers: words per row, then their places in the text of their row and parts of speech."""
    speech, classes = tables
    counts = np.zeros(offsets.size - 1, np.int32)
    most = np.sum(tags == COMMA) // 2 + _parting(data, classes)
    starts, ends, kinds = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.uint8)
    total = at = 0
    for piece in range(pieces.shape[0]):
        row, first = pieces[piece, :2]
        begin = first
        while tags[at] != COMMA:
            size, at = _number(tags, at)
            context, at = _number(tags, at)
            begin = _skip(True, data, begin, first + size, classes)
            while begin < first + size:
                end = _skip(False, data, begin, first + size, classes)
                starts[total], ends[total] = begin - offsets[row], end - offsets[row]
                kinds[total] = speech[context] if context else _unknown(data, begin, end, classes)
                counts[row] += 1
                total += 1
                begin = _skip(True, data, end, first + size, classes)
        at += 1
    return counts, starts[:total], ends[:total], kinds[:total]


@njit(cache=True, nogil=True)
def _unknown(data: Bytes, at: int, end: int, classes: Table) -> int:
    """Part of speech of a word that is not in the dictionary."""
    code, _ = decode(data, at, end)
    return UNKNOWN_NOUN if classes[entry(code)] <= LAST_LETTER else UNKNOWN_SYMBOL


@njit(cache=True, nogil=True)
def _parting(data: Bytes, classes: Table) -> int:
    """Runs of white space, each of which can part a word of the tagger."""
    runs = at = 0
    before = False
    while at < data.size:
        code, at = decode(data, at, data.size)
        white = code == NUL or classes[entry(code)] == Char.SPACE
        runs += white and not before
        before = white
    return runs


@njit(cache=True, nogil=True)
def _number(tags: Bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after its comma."""
    number = 0
    while tags[at] != COMMA:
        number = 10 * number + tags[at] - ZERO
        at += 1
    return number, at + 1


@njit(cache=True, nogil=True)
def _skip(white: bool, data: Bytes, at: int, end: int, classes: Table) -> int:
    """Pass over white characters, or over others."""
    while at < end:
        code, following = decode(data, at, end)
        if (code == NUL or classes[entry(code)] == Char.SPACE) != white:
            break
        at = following
    return at
