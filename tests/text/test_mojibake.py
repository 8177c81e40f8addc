import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.text.mojibake import SHORTEST, SIGNALS, mojibake

CONTINUATION = "[\x80-\xbf" + "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)) + "]"
RAW_JIS = r"\$[@B](?:(?:[!-~]{2})+?(\x1b?\([BJ])|(?:[!-~]{2})*)"
ESCAPE = r"\\u[0-9a-fA-F]{4}|&#(?:[xX][0-9a-fA-F]{1,8}|[0-9a-fA-F]{1,8});"
SENTENCE = "むかしむかし、あるところに、おじいさんとおばあさんが住んでいました。"
FRAGMENTS = [
    *("縺", "繧", "邱", "漢", "か", "ｶ", "｡", "ﾟ", "\ufffd", "\ue000", "\uf8ff", "ã", "ï", "ð", "\x80", "¿", "‚", "ƒ"),
    *("$B", "$@", "(B", "(J", "\x1b", "(", "$", "ab", "x", " ", "\\u3042", "\\u", "&#", "&#x3042;", "&#12354;", "0"),
    *("e", ";", "\\", "&", "𠮷", "a" * SHORTEST),
]

texts = st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=200).map("".join)


def twin(text: str) -> list[float]:
    """The rules as regular expressions over characters."""
    if len(text) < SHORTEST:
        return [0.0] * len(SIGNALS)
    counts = [
        len(re.findall("[縺繧繝譁蜷邱]", text)),
        len(re.findall("[\uff61-\uff9f]", text)),
        text.count("\ufffd"),
        3 * len(re.findall(f"(?=[à-ï]{CONTINUATION}{{2}})", text)),
        sum(len(run[0]) for run in re.finditer(RAW_JIS, text) if run[1]),
        len(re.findall("[\ue000-\uf8ff]", text)),
        len(re.findall(ESCAPE, text)),
    ]
    return [count / len(text) for count in counts]


def shares(*documents: str | None) -> list[list[float]]:
    found = mojibake(pa.array(documents, pa.string()))
    assert list(found) == list(SIGNALS)
    return np.stack(list(found.values()), axis=1).tolist()


@settings(deadline=None)
@given(st.lists(texts, max_size=3))
@example(["a" * 60 + "$B$3$l$O(B" + "$Bab\x1b(J" + "$B(B" + "$B\x1b(B"])
def test_the_kernel_equals_its_twin(documents):
    expected = np.array([twin(document) for document in documents], np.float32).reshape(-1, len(SIGNALS))
    assert shares(*documents) == expected.tolist()


@pytest.mark.parametrize(
    ("signal", "broken"),
    [
        ("cp932", SENTENCE.encode().decode("cp932", "ignore")),
        ("half_width_kana", SENTENCE.encode("euc_jp").decode("cp932", "ignore")),
        ("replacement", SENTENCE.encode("cp932").decode("utf-8", "replace")),
        ("latin1", SENTENCE.encode().decode("latin-1")),
        ("latin1", SENTENCE.encode().decode("cp1252", "replace")),
        ("raw_jis", SENTENCE.encode("iso2022_jp").decode("ascii")),
        ("raw_jis", SENTENCE.encode("iso2022_jp").decode("ascii").replace("\x1b", "")),
        ("escapes", SENTENCE.encode("ascii", "backslashreplace").decode()),
        ("escapes", SENTENCE.encode("ascii", "xmlcharrefreplace").decode()),
        ("private_use", SENTENCE + "\uf8ff"),
    ],
)
def test_every_mistake_leaves_its_trace(signal, broken):
    assert shares(broken * 2)[0][SIGNALS.index(signal)] > 0.01


@pytest.mark.parametrize(
    "clean",
    [
        SENTENCE * 2,
        "Il a dit : « café » — déjà vu, à l’été, naïveté, où l’on élève des ânes, ça y est.",
        "my $BASE = $B; print $Bars(Buzz); # cost: $B (B), &amp; &copy; \\users \\unit for everyone",
    ],
)
def test_clean_text_leaves_none(clean):
    assert shares(clean) == [[0.0] * len(SIGNALS)]


def test_short_texts_and_nulls_score_nothing():
    assert shares("\ufffd" * (SHORTEST - 1), None, "") == [[0.0] * len(SIGNALS)] * 3
    assert shares("\ufffd" * SHORTEST)[0][SIGNALS.index("replacement")] == 1.0


def test_a_long_unclosed_run_is_read_once():
    assert shares("$B" * 2_000_000)[0][SIGNALS.index("raw_jis")] == 0.0


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40).map(lambda payload: SENTENCE.encode() * 2 + payload), max_size=4))
def test_bytes_that_are_no_utf8_never_leave_their_row(payloads):
    whole = mojibake(pa.array(payloads, pa.binary()))
    for row, payload in enumerate(payloads):
        alone = mojibake(pa.array([payload], pa.binary()))
        assert {signal: shares[row] for signal, shares in whole.items()} == {
            signal: shares[0] for signal, shares in alone.items()
        }
