"""A decompressed stream with look-ahead, held only as far as it is looked at."""

from collections.abc import Iterator

from pipeline.readers.formats import LONGEST_START, RECORD_START, RESUME
from pipeline.readers.streams import BrokenStreamError

_BLANK = b"\r\n \t"


class Tape:
    """Bytes of ``pieces`` from ``position`` on. ``size``: where the stream ends, if that is known.

    A stream that breaks does so, with BrokenStreamError, only once a byte behind the break is needed.
    """

    def __init__(self, pieces: Iterator[bytes], position: int = 0, size: int | None = None) -> None:
        self._pieces = pieces
        self._size = size
        self._broken: BrokenStreamError | None = None
        self._ended = False
        self._held = b""
        self._start = position
        self._at = 0

    @property
    def position(self) -> int:
        """Offset of the next byte."""
        return self._start + self._at

    def reaches(self, count: int) -> bool:
        """Tell whether ``count`` more bytes may be there: false only where the known size says no."""
        return self._size is None or self.position + count <= self._size

    def glance(self, count: int) -> bytes:
        """Return up to ``count`` next bytes, fewer at the end or at a break, and stay here."""
        if self._at + count > len(self._held):
            self._hold(count)
        return self._held[self._at : self._at + count]

    def record_line(self) -> bytes | None:
        """Return the line here if an archive record starts with it."""
        if self._at + LONGEST_START > len(self._held):
            self._hold(LONGEST_START)
        found = RECORD_START.match(self._held, self._at)
        return found[0] if found else None

    def peek(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer at the end, and stay here."""
        found = self.glance(count)
        if len(found) < count and self._broken is not None:
            raise self._broken
        return found

    def skip(self, count: int) -> int:
        """Go past ``count`` bytes without holding them all; return how many there were."""
        skipped = 0
        while skipped < count and self.peek(1):
            step = min(count - skipped, len(self._held) - self._at)
            self._at += step
            skipped += step
        return skipped

    def skip_blank(self) -> None:
        """Go past line ends, spaces and tabs."""
        while rest := self.glance(64) or self.peek(1):
            content = rest.lstrip(_BLANK)
            self._at += len(rest) - len(content)
            if content:
                return

    def skip_to_record(self) -> bool:
        """Go to the next line after this byte that starts a record, or to the end; tell whether there is one."""
        while True:
            found = RESUME.search(self._held, self._at + 1)
            if found is not None:
                self._at = found.start()
                return True
            self._at = max(self._at, len(self._held) - LONGEST_START)
            before = len(self._held) - self._at
            if len(self.peek(before + 1)) <= before:
                self._at += before
                return False

    def _hold(self, count: int) -> None:
        missing = self._at + count - len(self._held)
        if missing <= 0 or self._ended:
            return
        parts = [self._held[self._at :]]
        try:
            for piece in self._pieces:
                parts.append(piece)
                missing -= len(piece)
                if missing <= 0:
                    break
            else:
                self._ended = True
        except BrokenStreamError as error:
            self._broken, self._ended = error, True
        self._start += self._at
        self._held, self._at = b"".join(parts), 0
