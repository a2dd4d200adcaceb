"""What came is what is kept: the same encoder, in three files that say nothing of this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from mtl.data.pretrained import CONFIG, FILES, TOKENIZER, PretrainedModel, content_of
from mtl.errors import DataError
from tests.pretrained.conftest import asked, used

TEXT = pl.Series(["Good red dress", None, "bad"])


def test_it_makes_of_a_text_what_transformers_makes(tiny: Path, kept: PretrainedModel) -> None:
    import transformers

    from mtl.pretrained.vectors import embed

    model = transformers.AutoModel.from_pretrained(tiny).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    for pooling in ("mean", "cls"):
        for _, found in embed(used(kept, pooling=pooling), pl.Series(["Good red dress"])):
            states = model(**tokenizer("Good red dress", return_tensors="pt")).last_hidden_state[0].detach()
            wanted = states.mean(0) if pooling == "mean" else states[0]
            torch.testing.assert_close(torch.from_numpy(found)[0], wanted, rtol=1e-5, atol=1e-6)


def test_the_same_model_gives_the_same_bytes_wherever_it_lies(tiny: Path, kept: PretrainedModel, tmp_path: Path) -> None:
    from mtl.pretrained.convert import convert

    there = Path(shutil.copytree(tiny, tmp_path / "elsewhere"))
    convert(there, asked(model="elsewhere"), "inputs.words", tmp_path / "model")
    assert content_of(tmp_path / "model") == kept.content
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == sorted(FILES)
    for file in (CONFIG, TOKENIZER):
        assert "/" not in json.dumps(json.loads((tmp_path / "model" / file).read_text())), "a path, or a version of a package"
        assert "transformers" not in (tmp_path / "model" / file).read_text()


def test_tokens_are_cut_so_that_the_end_stays(kept: PretrainedModel) -> None:
    """[CLS] … [SEP] around as many words as fit; numbers are one more than the tokenizer's, 0 is padding."""
    tokens = used(kept, max_tokens=4).tokens(pl.Series(["good bad red blue", None, "coat"]))
    assert [row.to_list() for row in tokens.lists()] == [[3, 6, 7, 4], [], [3, 11, 4]]


def test_it_makes_nothing_of_chance(kept: PretrainedModel) -> None:
    from mtl.network import pretrained as network

    before = torch.get_rng_state()
    network._built.cache_clear()
    network.skeleton(kept.config, rank=2)
    assert torch.equal(before, torch.get_rng_state())


def test_a_text_longer_than_it_reads_is_one_error(tiny: Path, tmp_path: Path) -> None:
    from mtl.pretrained.convert import convert

    with pytest.raises(DataError, match=r"inputs\.words\.max_tokens(?s:.)*at most 32"):
        convert(tiny, asked(max_tokens=33), "inputs.words", tmp_path / "model")


def test_what_is_no_encoder_of_texts_is_one_error(tiny: Path, tmp_path: Path) -> None:
    from mtl.pretrained.convert import convert

    broken = Path(shutil.copytree(tiny, tmp_path / "broken"))
    (broken / "config.json").write_text('{"model_type": "no_such_type"}')
    with pytest.raises(DataError, match="an encoder that transformers reads"):
        convert(broken, asked(), "inputs.words", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_weights_that_lack_are_not_made_up(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from mtl.pretrained.convert import convert

    broken = Path(shutil.copytree(tiny, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match=r"no weights for encoder\.layer\.1\.output\.dense\.weight"):
        convert(broken, asked(), "inputs.words", tmp_path / "model")


def test_weights_are_shared_not_copied(kept: PretrainedModel) -> None:
    first, again = kept.weights(), kept.weights()
    assert all(np.shares_memory(first[name], again[name]) for name in first)


FAMILIES: dict[str, dict[str, Any]] = {
    "roberta": {"max_position_embeddings": 34}, "mpnet": {}, "distilbert": {"n_heads": 2}, "electra": {"embedding_size": 8},
    "albert": {"embedding_size": 8}, "deberta-v2": {}, "modernbert": {},
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_are_kept_as_well(tiny: Path, tmp_path: Path, family: str) -> None:
    """`convert` itself compares what it wrote with the model that came."""
    import transformers

    from mtl.network.pretrained import hidden_size
    from mtl.pretrained.convert import convert

    came = Path(shutil.copytree(tiny, tmp_path / "came"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 11}
    said = {"dim": 16, "n_layers": 1, "hidden_dim": 24, "vocab_size": 11} if family == "distilbert" else sizes
    config = transformers.AutoConfig.for_model(family, **{**said, "pad_token_id": 0, **FAMILIES[family]})
    for file in ("config.json", "model.safetensors"):
        (came / file).unlink()
    transformers.AutoModel.from_config(config).save_pretrained(came)
    convert(came, asked(), "inputs.words", tmp_path / "model")
    assert hidden_size((tmp_path / "model" / CONFIG).read_text()) == 16


def test_positions_that_run_out_are_one_error(tiny: Path, tmp_path: Path) -> None:
    """RoBERTa counts them from behind the number of padding, which its config does not say."""
    import transformers

    from mtl.pretrained.convert import convert

    came = Path(shutil.copytree(tiny, tmp_path / "came"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 11}
    config = transformers.AutoConfig.for_model("roberta", max_position_embeddings=32, pad_token_id=0, **sizes)
    transformers.AutoModel.from_config(config).save_pretrained(came)
    with pytest.raises(DataError, match=r"inputs\.words\.max_tokens(?s:.)*has positions for"):
        convert(came, asked(max_tokens=32), "inputs.words", tmp_path / "model")
