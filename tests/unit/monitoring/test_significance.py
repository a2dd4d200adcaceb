from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency, fisher_exact

from mtl.monitoring.parts import Vectors
from mtl.monitoring.significance import homogeneity, of_any, of_means

pairs = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=15)


def test_with_enough_rows_it_is_the_chi_square_test() -> None:
    table = np.array([[300, 200, 100], [90, 70, 40]])
    assert homogeneity(*table, ordered=True) == pytest.approx(chi2_contingency(table, correction=False)[1])


def test_two_cells_with_few_rows_are_tested_exactly() -> None:
    table = np.array([[40, 2], [10, 4]])
    assert homogeneity(*table, ordered=False) == pytest.approx(fisher_exact(table)[1])


def test_neighbours_are_put_together_and_rare_values_with_each_other() -> None:
    reference, batch = np.array([4000, 2, 3, 4000]), np.array([1000, 0, 1, 1000])
    ordered = chi2_contingency(np.array([[4000, 4005], [1000, 1001]]), correction=False)[1]
    assert homogeneity(reference, batch, ordered=True) == pytest.approx(ordered)
    rare = np.array([[10, 990], [10, 90]])
    assert homogeneity(np.array([5, 5, 990]), np.array([5, 5, 90]), ordered=False) == pytest.approx(fisher_exact(rare)[1])


@pytest.mark.parametrize("rows", [100, 200, 1000])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_chance_passes_as_rarely_as_said_at_the_levels_that_a_correction_leaves(share: float, rows: int) -> None:
    """All batches of so many rows of a large reference's distribution, each with its chance."""
    level, whole = 1e-4, 50_000
    yes = int(whole * share)
    counts = np.arange(rows + 1)
    chances = binom.pmf(counts, rows, share)
    likely = chances > 1e-12
    reference = np.array([yes, whole - yes])
    p = np.array([homogeneity(reference, np.array([count, rows - count]), ordered=False) for count in counts[likely]])
    assert chances[likely][p < level].sum() <= 1.5 * level


@given(pairs, st.booleans())
def test_a_p_value_is_one(both: list[tuple[int, int]], ordered: bool) -> None:
    one, other = (np.array(side) for side in zip(*both, strict=True))
    assert 0 <= homogeneity(one, other, ordered=ordered) <= 1
    assert homogeneity(one, one, ordered=ordered) == pytest.approx(1.0)


@pytest.mark.parametrize(("rows", "level"), [(40, 0.05), (100, 0.01), (1000, 0.01)])
def test_among_rare_values_chance_is_called_significant_as_rarely_as_said(rows: int, level: float) -> None:
    random = np.random.default_rng(rows)
    shares = 1 / np.arange(1, 30) ** 2
    shares /= shares.sum()
    p = [homogeneity(random.multinomial(5000, shares), random.multinomial(rows, shares), ordered=False) for _ in range(1000)]
    assert np.mean(np.array(p) < level) < level + 3 * np.sqrt(level / 1000)


def test_one_label_of_many_that_changed_is_found_and_chance_is_not() -> None:
    reference, same = np.array([500, 20, 100, 3]), np.array([52, 1, 9, 0])
    assert of_any(reference, 1000, same, 100) > 0.5
    assert of_any(reference, 1000, np.array([52, 20, 9, 0]), 100) < 1e-4


def vectors(rows: int, seed: int, shift: float = 0.0) -> Vectors:
    """Behind a rectifier: some numbers are 0 nearly always."""
    random = np.random.default_rng(seed)
    raw = random.normal(np.linspace(-3, 1, 40), 1, (rows, 40))
    return Vectors.of(np.maximum(raw + shift, 0), rows)


def test_means_of_a_rectifiers_numbers_seldom_differ_by_chance() -> None:
    reference = vectors(2000, 0)
    p = np.array([of_means(reference, vectors(100, seed)) for seed in range(1, 501)])
    assert (p < 0.05).mean() < 0.06
    assert of_means(reference, vectors(100, 1, shift=1.0)) < 1e-6


def test_too_few_vectors_tell_nothing() -> None:
    assert of_means(vectors(100, 0), vectors(1, 1, shift=9.0)) == 1.0
