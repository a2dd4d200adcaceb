"""Vectors do not depend on company, cores or history; each text is read once; a killed run goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.pretrained import PretrainedModel
from tests.pretrained.conftest import WORDS, used

pytest.importorskip("transformers")

from mtl.pretrained import kept as keeping
from mtl.pretrained import vectors as making
from mtl.pretrained.kept import kept_vectors, known_vectors


def some_texts(count: int, seed: int = 0) -> pl.Series:
    rng = np.random.default_rng(seed)
    return pl.Series([" ".join(rng.choice(WORDS, rng.integers(1, 14))) for _ in range(count)])


def silent(_: str) -> None:
    pass


def rows(vectors: pl.Series) -> list[list[float] | None]:
    return vectors.to_list()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts were computed, call by call."""
    calls: list[int] = []
    true = making.embed

    def counting(model: PretrainedModel, texts: pl.Series, whole: bool = True) -> Iterator[making.Made]:
        calls.append(len(texts))
        yield from true(model, texts, whole)

    monkeypatch.setattr(keeping, "embed", counting)
    return calls


def test_company_cores_and_history_change_no_bit(kept: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "TOKENS", 64)  # many batches
    texts = some_texts(120)
    whole = rows(kept_vectors(kept, texts, tmp_path / "a", silent))
    kept_vectors(kept, texts[60:90], tmp_path / "b", silent)
    assert rows(kept_vectors(kept, texts, tmp_path / "b", silent)) == whole, "some were there"
    monkeypatch.setattr(making, "_cores", lambda: 1)
    assert rows(kept_vectors(kept, texts.reverse(), tmp_path / "c", silent))[::-1] == whole, "another order, one core"


def test_the_same_text_is_read_once_and_what_is_kept_never_again(kept: PretrainedModel, tmp_path: Path, counted: list[int]) -> None:
    texts = pl.Series(["good dress", "bad coat", None, "good dress", "  ", "red"])
    first = rows(kept_vectors(kept, texts, tmp_path, silent))
    assert [one is None for one in first] == [False, False, True, False, True, False]
    assert first[0] == first[3] != first[1]
    assert rows(kept_vectors(kept, texts, tmp_path, silent)) == first
    kept_vectors(kept, pl.Series(["red", "blue"]), tmp_path, silent)
    kept_vectors(kept, pl.Series(["good dress"]), tmp_path, silent)
    assert counted == [3, 1, 1], "those that the last run did not need are gone"


def test_another_use_of_the_model_is_another_vector(kept: PretrainedModel, tmp_path: Path, counted: list[int]) -> None:
    texts = pl.Series(["good red dress and more"])
    uses: list[dict[str, Any]] = [{}, {"pooling": "cls"}, {"max_tokens": 4}, {"precision": "bf16"}]
    found = [rows(kept_vectors(used(kept, **more), texts, tmp_path, silent)) for more in uses]
    assert len(counted) == len({str(one) for one in found}) == 4
    assert len(list(tmp_path.iterdir())) == 1, "of other uses nothing is kept"


def test_another_version_of_what_reads_them_makes_them_anew(
    kept: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[int]
) -> None:
    texts = pl.Series(["good red dress"])
    kept_vectors(kept, texts, tmp_path, silent)
    monkeypatch.setattr("mtl.extras.version", {"transformers": "5.99.0"}.__getitem__)
    kept_vectors(kept, texts, tmp_path, silent)
    assert counted == [1, 1]


def test_a_killed_run_goes_on(kept: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[int]) -> None:
    monkeypatch.setattr(making, "TOKENS", 64)
    monkeypatch.setattr(keeping, "SECONDS", 0.0)
    texts = some_texts(80)
    seen = 0

    def killed(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_vectors(kept, texts, tmp_path / "a", killed)
    found = rows(kept_vectors(kept, texts, tmp_path / "a", silent))
    assert 0 < counted[1] < counted[0]
    assert found == rows(kept_vectors(kept, texts, tmp_path / "b", silent))


def test_a_broken_file_is_made_anew(kept: PretrainedModel, tmp_path: Path, counted: list[int]) -> None:
    texts = some_texts(10)
    found = rows(kept_vectors(kept, texts, tmp_path, silent))
    next(tmp_path.rglob("*.parquet")).write_bytes(b"PAR1 cut short")
    assert rows(kept_vectors(kept, texts, tmp_path, silent)) == found
    assert counted == [texts.n_unique()] * 2


def test_known_vectors_are_looked_up_and_new_ones_computed(kept: PretrainedModel, tmp_path: Path, counted: list[int]) -> None:
    texts = some_texts(20)
    found = rows(kept_vectors(kept, texts, tmp_path, silent))
    before = sorted(tmp_path.rglob("*"))
    more = pl.concat([texts, pl.Series(["coat coat", None])])
    assert rows(known_vectors(kept, more, tmp_path))[:20] == found
    alone = np.array(rows(known_vectors(kept, more, None))[:21])
    np.testing.assert_allclose(alone, np.array(rows(known_vectors(kept, more, tmp_path))[:21]), rtol=1e-4, atol=1e-5)
    assert counted == [20, 1, 21, 1]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_text_without_tokens_is_a_vector_of_zeros(kept: PretrainedModel, tmp_path: Path) -> None:
    """A tokenizer may drop all that is written, and need not put anything around it."""
    folder = Path(shutil.copytree(kept.folder, tmp_path / "model"))
    said = json.loads((folder / "tokenizer.json").read_text())
    cut = {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Removed", "invert": True}
    (folder / "tokenizer.json").write_text(json.dumps({**said, "pre_tokenizer": cut, "post_processor": None}))
    bare = used(kept, folder=folder.as_posix(), content="bare")
    found = rows(kept_vectors(bare, pl.Series(["42", "good", "!"]), tmp_path / "kept", silent))
    assert [any(one or ()) for one in found] == [False, True, False]
    assert rows(known_vectors(bare, pl.Series(["42"]), None)) == [[0.0] * 16]
