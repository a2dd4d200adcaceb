"""Texts read by a pretrained encoder, all the way: the stages, the model's folder anywhere, and what makes the stage stale."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mtl.codelock import write_code_lock
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.layout import ALIGNED, CANDIDATE, EMBEDDED, EMBEDDED_FACTS, ENCODINGS, VALIDATED
from tests.flows.conftest import command, make_project
from tests.tiny_bert import tiny_bert

WORDS = ["good", "bad", "red", "blue", "dress", "coat"]
ROWS = 300
SPEC = """
name: small
entities: {doc: {key: id, split: {train: 0.6, valid: 0.2, test: 0.2, seed: 1}}}
sources: {docs: {path: docs.csv}}
inputs: {words: {source: docs, kind: pretrained_text, column: text, model: tiny, max_tokens: 16, MODE}}
tasks:
  score: {source: docs, column: score, kind: regression}
  kind: {source: docs, column: kind, kind: binary, positive: dress, negative: coat}
encoding: {}
model: {width: 8, dropout: 0.1}
training: {lr: 1e-2, batch_size: 64, max_epochs: 2}
evaluation: {}
gate: {}
"""
MODES = ["mode: frozen", "mode: lora, options: {rank: 2, lr: 0.01}", "mode: finetune, options: {lr: 0.001}"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Validated rows and a model, and the working directory there."""
    root = tmp_path / "project"
    rng = np.random.default_rng(0)
    said = [list(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(ROWS)]
    texts = [None if i % 50 == 7 else " ".join(words) for i, words in enumerate(said)]
    score = [words.count("good") - words.count("bad") + rng.normal(0, 0.3) for words in said]
    kind = ["dress" if words.count("dress") > words.count("coat") else "coat" for words in said]
    (root / VALIDATED / "docs").mkdir(parents=True)
    frame = pl.DataFrame({"id": [str(i) for i in range(ROWS)], "text": texts, "score": score, "kind": kind})
    frame.write_parquet(root / VALIDATED / "docs/part-0000.parquet")
    tiny_bert(root / "tiny", WORDS)
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("mode", MODES)
def test_from_texts_to_a_model_that_reads_them_anywhere(
    workspace: Path, stage: Callable[..., str], mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it predicts of raw rows is what it predicts of the aligned set; it needs neither the project nor the model's folder."""
    from mtl.network.predict import predict
    from mtl.registry.package import PREDICTED, read_package

    Path("params.yaml").write_text(SPEC.replace("MODE", mode))
    for name in ("embed", "split", "encode", "align", "train"):
        stage(name)
    weights = (CANDIDATE / "model.safetensors").read_bytes()
    stage("train")
    assert (CANDIDATE / "model.safetensors").read_bytes() == weights
    assert str(workspace) not in (CANDIDATE / "encodings.json").read_text()
    test, encodings = AlignedSet.read(ALIGNED / "test"), Encodings.read(ENCODINGS)
    rows = pl.read_parquet(VALIDATED / "docs/part-0000.parquet").rename({"id": "key"})
    raw = test.keys().join(rows, on="key", how="left", maintain_order="left").select("text")
    wanted = predict(read_package(CANDIDATE).network, encodings, test.inputs)
    moved = Path(shutil.move(CANDIDATE, tmp_path / "elsewhere"))
    shutil.rmtree(workspace / "tiny")
    shutil.rmtree(workspace / "data")
    monkeypatch.chdir(tmp_path)
    package = read_package(moved)
    for task, values in package.predictions(raw).items():
        np.testing.assert_allclose(values, wanted[task], rtol=1e-4, atol=1e-5)
    golden = package.golden()
    for name, values in package.predict(golden).to_dict(as_series=False).items():
        np.testing.assert_allclose(values, golden[PREDICTED + name], rtol=1e-5, atol=1e-6)


def test_a_model_that_learns_moves_what_came_trained(workspace: Path, stage: Callable[..., str]) -> None:
    from mtl.registry.package import read_package

    Path("params.yaml").write_text(SPEC.replace("MODE", MODES[1]))
    for name in ("embed", "split", "encode", "align", "train"):
        stage(name)
    factors = {n: p for n, p in read_package(CANDIDATE).network.named_parameters() if n.endswith("low_rank_b")}
    assert factors
    assert all(p.any() for p in factors.values()), "they begin at 0"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # pygtrie's, called by DVC
def test_another_model_makes_the_stage_stale(tmp_path: Path, stage: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.orchestration.graph import read_plan
    from mtl.orchestration.local import prepare_environment

    root = make_project(tmp_path / "project", SPEC.replace("MODE", MODES[0]))
    tiny_bert(root / "tiny", WORDS)
    rows = [{"id": i, "text": word, "score": 0.5, "kind": "dress"} for i, word in enumerate(WORDS)]
    pl.DataFrame(rows).write_csv(root / "docs.csv")
    write_code_lock(root / "code.lock.yaml")
    monkeypatch.chdir(root)
    for name, *of in (("ingest", "docs"), ("validate", "docs"), ("embed",)):
        stage(name, *of)
    command(root, "dvc", "commit", "--force", "--with-deps", "embed")
    prepare_environment(root)
    assert read_plan(root, ["embed"]).stale == frozenset()
    before = (root / EMBEDDED / EMBEDDED_FACTS).read_text()
    shutil.rmtree(root / "tiny")
    write_code_lock(root / "code.lock.yaml")
    assert read_plan(root, ["embed"]).stale == frozenset(), "what was made of it is still there"
    tiny_bert(root / "tiny", WORDS, seed=1)
    write_code_lock(root / "code.lock.yaml")
    assert read_plan(root, ["embed"]).stale == {"embed"}
    stage("embed")
    assert (root / EMBEDDED / EMBEDDED_FACTS).read_text() != before
