"""Fit the coefficients of ``token_estimate``: words of fugashi with unidic-lite per character of each class.

Usage: ``python benchmarks/fit_token_estimate.py FOLDER``, where FOLDER holds ``<source>/*.jsonl`` with a ``text`` each.
"""

import json
import sys
from pathlib import Path

import fugashi
import numpy as np
import pyarrow as pa

from pipeline.text.chars import WHITE, Char, count_chars, token_estimate

DOCUMENTS = 300
CHARACTERS = 4000
FITTED = [kind for kind in Char if kind not in WHITE]


def sample(path: Path) -> list[str]:
    """Texts spread evenly over a file, their first CHARACTERS characters."""
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    return [text[:CHARACTERS] for text in texts[:: max(1, len(texts) // DOCUMENTS)]]


def main(folder: Path) -> None:
    tagger = fugashi.Tagger("-Owakati")
    counts, words = {}, {}
    for path in sorted(folder.glob("c_text_*/*.jsonl")):
        texts = sample(path)
        counts[path.parent.name] = count_chars(pa.array(texts))
        words[path.parent.name] = np.array([len(tagger.parse(text).split()) for text in texts])
    everything, target = np.concatenate(list(counts.values()))[:, FITTED], np.concatenate(list(words.values()))
    weight = 1 / np.sqrt(np.maximum(target, 1))
    fitted, *_ = np.linalg.lstsq(everything * weight[:, None], target * weight, rcond=None)
    for kind, value in zip(FITTED, fitted, strict=True):
        print(f"{kind.name:24}{value:7.3f}")
    print(f"\n{'source':28}{'words':>9}{'total error':>13}{'median error':>14}")
    for source, rows in counts.items():
        estimate, true = token_estimate(rows), words[source]
        error = np.abs(estimate - true) / np.maximum(true, 1)
        print(f"{source:28}{true.sum():9}{estimate.sum() / true.sum() - 1:13.1%}{np.median(error):14.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
