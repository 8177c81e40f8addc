import numpy as np
import pytest
from datasketch import MinHashLSH
from datasketch.lsh import _optimal_param

from pipeline.dedup.bands import FINEWEB, PERMUTATIONS, THRESHOLD, Bands, layout, optimum


@pytest.mark.parametrize("permutations", [2, 16, 112, 128, 200])
@pytest.mark.parametrize("threshold", [0, 0.05, 0.3, 0.5, 0.65, 0.7, 0.75, 0.8, 0.9, 0.95, 1])
@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
def test_the_optimum_is_that_of_datasketch(threshold: float, permutations: int) -> None:
    assert optimum(threshold, permutations) == _optimal_param(threshold, permutations, 0.5, 0.5)


@pytest.mark.parametrize(("threshold", "permutations"), [(0.8, 112), (0.9, 128), (0.8, 500)])
def test_datasketchs_index_is_laid_out_alike(threshold: float, permutations: int) -> None:
    index = MinHashLSH(threshold=threshold, num_perm=permutations)
    assert layout(threshold, permutations) == (index.b, index.r)


@pytest.mark.parametrize(
    ("threshold", "permutations", "explicit", "expected"),
    [
        (THRESHOLD, PERMUTATIONS, (), FINEWEB),
        (THRESHOLD, PERMUTATIONS, (20, 10), Bands(20, 10)),
        (0.9, PERMUTATIONS, (14, 8), Bands(14, 8)),
        (THRESHOLD, 500, (), optimum(THRESHOLD, 500)),
        (0.8, 500, (), Bands(27, 18)),  # what HojiChar's defaults come to
    ],
)
def test_what_is_explicit_wins_then_the_default_then_the_optimum(
    threshold: float, permutations: int, explicit: tuple[int, ...], expected: Bands
) -> None:
    assert layout(threshold, permutations, *explicit) == expected


@pytest.mark.parametrize("explicit", [{"bands": 14}, {"rows": 8}])
def test_half_a_layout_is_refused(explicit: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="bands and rows go together"):
        layout(THRESHOLD, PERMUTATIONS, **explicit)


def test_the_chances_of_fineweb_are_those_it_states() -> None:
    assert FINEWEB.probability([0.7, 0.75, 0.8, 0.85]) == pytest.approx([0.56, 0.77, 0.92, 0.988], abs=0.005)


def test_the_chance_is_what_random_signatures_show() -> None:
    bands, similarity = Bands(5, 3), 0.6
    agree = np.random.default_rng(1).random((40_000, bands.permutations)) < similarity
    found = agree.reshape(-1, bands.bands, bands.rows).all(axis=2).any(axis=1).mean()
    assert found == pytest.approx(float(bands.probability(similarity)), abs=0.01)
