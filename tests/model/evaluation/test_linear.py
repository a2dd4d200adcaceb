"""The linear rival of tasks that read texts: it finds the word that decides, sees what the task sees, and bears odd data."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.ragged import Ragged
from mtl.evaluation import tfidf as tfidf_module
from mtl.evaluation.rivals import fit_rivals
from mtl.evaluation.tfidf import tfidf
from tests.ragged import ragged_of

KINDS = ("regression", "binary", "multiclass", "ordinal")


def a_set(random: np.random.Generator, rows: int, tasks: list[Any], words: int = 30) -> AlignedSet:
    """Class: how many of tokens 5 and 6 a text has; the number beside it moves the regression."""
    texts = [random.integers(2, words, random.integers(1, 30)) for _ in range(rows)]
    count = np.array([(5 in text) + (6 in text) for text in texts]) if words > 6 else np.zeros(rows, np.int64)
    numbers = random.normal(size=(rows, 2)).astype(np.float32)
    inputs: dict[str, dict[str, Any]] = {
        "words": {"tokens": ragged_of(texts), "present": np.ones(rows, np.bool_)},
        "numbers": {
            "numeric": numbers, "missing": np.zeros((rows, 2), np.bool_), "present": np.ones(rows, np.bool_),
            "categorical": random.integers(0, 4, (rows, 1)).astype(np.int32),
        },
    }  # fmt: skip
    columns = {"regression": count + numbers[:, 0], "binary": count > 0, "multiclass": count, "ordinal": count}
    targets = np.stack([columns[t.kind].astype(np.float32) for t in tasks], 1)
    labelled = np.asarray(random.random(targets.shape) < 0.9)
    return AlignedSet(inputs, np.where(labelled, targets, 0).astype(np.float32), labelled, tuple(t.name for t in tasks))


def fitted(make_task: Any, rows: int = 500, inputs: tuple[str, ...] = ("words", "numbers"), **more: Any) -> Any:
    tasks = [
        make_task(kind, kind, inputs=inputs, **({"mean": 50.0, "std": 10.0} if kind == "regression" else {})) for kind in KINDS
    ]
    random = np.random.default_rng(0)
    train, valid, test = (a_set(random, n, tasks, **more) for n in (rows, max(rows // 4, 1), 200))
    return fit_rivals(Encodings({}, tuple(tasks)), train, valid, test), test


def test_it_finds_the_words_and_the_numbers(make_task: Any) -> None:
    found, test = fitted(make_task)
    truth = {kind: test.targets[:, i] for i, kind in enumerate(KINDS)}
    known = {kind: test.labelled[:, i] for i, kind in enumerate(KINDS)}
    scaled = (found["regression"] - 50) / 10
    assert np.corrcoef(scaled[known["regression"]], truth["regression"][known["regression"]])[0, 1] > 0.9
    for kind in ("multiclass", "ordinal"):
        np.testing.assert_allclose(found[kind].sum(1), 1)
        assert (found[kind].argmax(1) == truth[kind])[known[kind]].mean() > 0.6
    assert ((found["binary"] > 0.5) == truth["binary"])[known["binary"]].mean() > 0.8


def test_it_sees_no_text_that_its_task_may_not_see(make_task: Any) -> None:
    """Such a task has trees, which know nothing of the words."""
    found, test = fitted(make_task, inputs=("numbers",))
    assert ((found["binary"] > 0.5) == test.targets[:, 1])[test.labelled[:, 1]].mean() < 0.75


@pytest.mark.parametrize("rows", [2, 8])
@pytest.mark.parametrize("words", [3, 30])
def test_odd_data_give_finite_predictions(make_task: Any, rows: int, words: int) -> None:
    found = fitted(make_task, rows, words=words)[0]
    for values in found.values():
        assert len(values) == 200
        assert np.isfinite(values).all()


def some_texts(seed: int, rows: int = 60, words: int = 25) -> list[Ragged]:
    """Train, valid and test: a few words are in most rows, many in one, some rows are empty."""
    random = np.random.default_rng(seed)
    parts = [[random.zipf(1.3, random.integers(0, 20)) % words for _ in range(n)] for n in (rows, rows // 3, rows // 2)]
    parts[2].append(np.array([words + 3, 1, words + 3]))  # a word that only test knows
    return [ragged_of(part) for part in parts]


def of_scikit_learn(parts: list[Ragged]) -> list[Any]:
    """What its TfidfVectorizer makes of the same rows."""
    texts = [part.lists().to_list() for part in parts]
    counter = TfidfVectorizer(analyzer=lambda row: [*((t,) for t in row), *pairwise(row)], min_df=2, sublinear_tf=True)
    counter.fit(texts[0] + texts[1])
    return [counter.transform(part) for part in texts]


def same(left: list[Any], right: list[Any]) -> None:
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one.toarray(), other.toarray())


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_those_of_scikit_learn(seed: int) -> None:
    """Columns may stand in another order: products of rows and the values of a row do not see it."""
    parts = some_texts(seed)
    ours, theirs = tfidf(parts, 2), of_scikit_learn(parts)
    for i in range(3):
        assert ours[i].shape == theirs[i].shape
        assert ours[i].has_canonical_format
        np.testing.assert_allclose((ours[i] @ ours[0].T).toarray(), (theirs[i] @ theirs[0].T).toarray(), atol=1e-12)
        np.testing.assert_allclose(np.sort(ours[i].toarray()), np.sort(theirs[i].toarray()), atol=1e-12)


@pytest.mark.parametrize("tokens", [1, 7, 100])
@pytest.mark.parametrize("cap", [20, 200_000])
def test_the_size_of_a_chunk_does_not_matter(tokens: int, cap: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does how many passes it makes: with one token a chunk they are dozens."""
    monkeypatch.setattr(tfidf_module, "MOST_FEATURES", cap)
    whole = tfidf(some_texts(0), 2)
    monkeypatch.setattr(tfidf_module, "CHUNK_TOKENS", tokens)
    same(tfidf(some_texts(0), 2), whole)


def test_of_too_many_features_the_most_frequent_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of as frequent ones tokens before pairs, and low numbers before high ones."""
    texts = ragged_of([np.array(row) for row in ([9, 4, 1], [9, 4, 1], [9, 4], [9, 7], [7, 1, 8], [8])])
    documents = {9: 4, 1: 3, 4: 3, "9 4": 3, 7: 2, 8: 2, "4 1": 2}  # in the order in which they are kept
    for most in range(1, 9):
        monkeypatch.setattr(tfidf_module, "MOST_FEATURES", most)
        found = tfidf([texts], 1)[0]
        rows_with = np.sort(np.bincount(found.indices, minlength=found.shape[1]))[::-1]
        assert rows_with.tolist() == list(documents.values())[:most]
    monkeypatch.setattr(tfidf_module, "MOST_FEATURES", 5)  # 7 stays, 8 and "4 1" go
    columns = tfidf([texts], 1)[0].toarray() > 0
    assert columns[:, 2].tolist() == [row in (3, 4) for row in range(6)]  # in the order of numbers: 1, 4, 7, 9, "9 4"
    assert columns[5].sum() == 0


def test_what_test_holds_decides_no_feature() -> None:
    train, valid, test = some_texts(1)
    other = ragged_of([np.array([2**31 - 1, 5, 5, 5])] * 4)
    same(tfidf([train, valid, test], 2)[:2], tfidf([train, valid, other], 2)[:2])


def test_the_largest_tokens_do_not_overflow() -> None:
    """Only their order matters: the same texts with every word moved to the end of int32 give the same weights."""
    parts = some_texts(2)
    moved = [Ragged(part.values + np.int32(2**31 - 1 - 28), part.offsets) for part in parts]
    assert max(int(part.values.max()) for part in moved) == 2**31 - 1
    same(tfidf(moved, 2), tfidf(parts, 2))


@pytest.mark.parametrize("texts", [[], [[]], [[], [], []], [[3]], [[1, 2], [3, 4]]])
def test_texts_without_a_common_word_have_no_features(texts: list[list[int]]) -> None:
    part = ragged_of([np.array(text) for text in texts])
    assert [one.shape for one in tfidf([part, part[:0]], 1)] == [(len(texts), 0), (0, 0)]


def test_empty_rows_are_rows_of_zeros() -> None:
    part = ragged_of([np.array(text) for text in ([], [1, 2], [], [1, 2], [])])
    found = tfidf([part, part[:1], part[:0]], 1)
    np.testing.assert_allclose(found[0].toarray(), np.array([0, 1, 0, 1, 0])[:, None] * np.ones(3) / np.sqrt(3))
    assert found[1].shape == (1, 3)
    assert found[1].nnz == 0
    assert found[2].shape == (0, 3)
