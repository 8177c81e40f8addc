"""The rules of llm-jp-corpus v1 for Japanese web pages."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.filters.hojichar import per_kuten
from pipeline.stage import Cost, Filter, Interval
from pipeline.text.chars import CHAR_COUNTS, char_counts, characters
from pipeline.text.hojichar import HojiChar as Count
from pipeline.text.hojichar import count_hojichar


class LlmjpV1(Filter):
    """Drops what llm-jp-corpus v1 drops by host, kana and 。 (github.com/llm-jp/llm-jp-corpus, ``scripts/filters.py``).

    Its other rules are steps of their own: ``compression`` (zlib 9 over the whole text, 0.3 to 0.7), ``word_list`` and
    ``llmjp_v1_lines``. A document without a host is not judged by it, where theirs ends in an error.
    """

    cost = Cost.CHARS
    reads = ("text", "host", CHAR_COUNTS.name)
    signals: ClassVar[Mapping[str, pa.DataType]] = {
        "known_host": pa.int8(),
        "kana_at_head": pa.int64(),
        "characters_per_kuten": pa.float32(),
    }

    domains: tuple[str, ...] = (
        "biz", "cc", "com", "info", "jp", "me", "net", "org", "site", "tokyo", "tv", "work", "xyz",
    )  # fmt: skip
    """Top-level domains whose pages stay."""
    hosts: tuple[str, ...] = ("ja.wikipedia.org",)
    """Hosts that leave all the same, since the corpus has them from a better source."""
    known_host: Interval = Interval(min=1)
    """1 for a host under one of ``domains`` and not of ``hosts``, else 0; nothing where there is no host."""
    kana_at_head: Interval = Interval(min=1)
    """Kana among the first 50 characters (HojiChar's AcceptJapanese)."""
    characters_per_kuten: Interval = Interval(max=250)
    """Characters by 。, infinite without one; the strict variant of the rules has 80."""

    def score(self, batch: pa.RecordBatch) -> Mapping[str, npt.NDArray[Any] | pa.Array]:
        """Compute the signals."""
        counts = count_hojichar(batch["text"])
        return {
            "known_host": self._known(batch["host"]),
            "kana_at_head": counts[:, Count.KANA_AT_HEAD],
            "characters_per_kuten": per_kuten(characters(char_counts(batch)), counts),
        }

    def _known(self, hosts: pa.Array) -> pa.Array:
        top = pc.replace_substring_regex(hosts, r"(?s)\A.*\.", "")
        known = np.logical_and(_is_in(top, self.domains), ~_is_in(hosts, self.hosts))
        return pc.if_else(hosts.is_valid(), pa.array(known.astype(np.int8)), None)


def _is_in(values: pa.Array, names: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(values, pa.array(names, values.type)), np.bool_)
