"""A model as Hugging Face keeps it → the three files of `mtl.data.pretrained`: the same encoder, without heads and poolers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from mtl.data.pretrained import CONFIG, TOKENIZER, WEIGHTS
from mtl.errors import DataError
from mtl.extras import extra
from mtl.files import write_json
from mtl.network.pretrained import WANTED_BY, run, skeleton
from mtl.spec import PretrainedTextInput

POOLER = "pooler."
SAMPLE = "A text, and what comes of it."
CLOSE = 1e-4
"""How far the encoder as it is kept may be from the one that came."""
UNSAID = ("transformers_version", "_name_or_path", "dtype", "torch_dtype", "architectures")
"""Of a config: what changes from machine to machine, or belongs to heads."""


def convert(source: Path, one: PretrainedTextInput, where: str, target: Path) -> None:
    """Write the encoder in `source` into the new folder `target`.

    Raises MtlError without `transformers`, DataError if it cannot read the folder without executing code of it, if it is no
    encoder of texts, or if it does not reach as far as `max_tokens`.
    """
    transformers = extra("transformers", WANTED_BY)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    here: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = transformers.AutoConfig.from_pretrained(source, **here)
        load = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
        model, told = transformers.AutoModel.from_pretrained(source, **load, **here)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **here)
        lacking = sorted(name for name in told["missing_keys"] if not name.startswith(POOLER))
        if lacking:
            raise ValueError(f"no weights for {', '.join(lacking[:3])}")
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise _unreadable(one, where, error) from error
    model.eval()
    _must_fit(one, where, config, tokenizer)
    target.mkdir(parents=True)
    said = {key: value for key, value in json.loads(config.to_json_string(use_diff=True)).items() if key not in UNSAID}
    write_json(target / CONFIG, dict(sorted(said.items())))
    (target / TOKENIZER).write_text(_plain(tokenizer.backend_tokenizer), encoding="utf-8")
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(model).items()}
    _must_be_the_same(one, where, model, tokenizer, tensors, (target / CONFIG).read_text(encoding="utf-8"))
    save_file(tensors, target / WEIGHTS)


def _tensors(model: torch.nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers that an encoder without pooler has."""
    found = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor.detach() for name, tensor in found.items() if not name.startswith(POOLER)}


def _plain(tokenizer: Any) -> str:
    """Its JSON; how much of a text is read is said where it is used."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return str(tokenizer.to_str())


def _must_fit(one: PretrainedTextInput, where: str, config: Any, tokenizer: Any) -> None:
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "vocab_size") or not hasattr(config, "hidden_size"):
        raise DataError(
            f"params.yaml, {where}.model: {one.model}", expected="an encoder of texts, such as BERT, MiniLM, MPNet or RoBERTa",
            found=f"a model of type {config.model_type}", do="name another model",
        )  # fmt: skip
    limit = min(int(tokenizer.model_max_length), int(getattr(config, "max_position_embeddings", None) or one.max_tokens))
    if one.max_tokens > limit:
        raise _too_long(one, where, f"at most {limit}, which {one.model} reads")


@torch.inference_mode()
def _must_be_the_same(
    one: PretrainedTextInput, where: str, model: torch.nn.Module, tokenizer: Any, tensors: dict[str, Tensor], config: str
) -> None:
    """What was written makes of a text of `max_tokens` what the model itself makes of it."""
    ids = tokenizer.backend_tokenizer.encode(SAMPLE).ids
    tokens = torch.tensor([(ids * one.max_tokens)[: one.max_tokens]])
    there = torch.ones_like(tokens, dtype=torch.bool)
    try:
        wanted = model(input_ids=tokens, attention_mask=there.long()).last_hidden_state
        off = float((run(skeleton(config), tensors, tokens, there) - wanted).abs().max())
    except (IndexError, RuntimeError, KeyError) as error:
        if isinstance(error, IndexError) or "out of bounds" in str(error):  # some do not count positions from 0
            raise _too_long(one, where, f"as many as {one.model} has positions for") from error
        raise _unreadable(one, where, error) from error
    if not off < CLOSE:
        raise _unreadable(one, where, ValueError(f"rebuilt of its config it is another encoder: off by {off:.3g}"))


def _too_long(one: PretrainedTextInput, where: str, expected: str) -> DataError:
    return DataError(
        f"params.yaml, {where}.max_tokens", expected=expected, found=str(one.max_tokens), do="write fewer, or name another model"
    )


def _unreadable(one: PretrainedTextInput, where: str, error: Exception) -> DataError:
    return DataError(
        f"params.yaml, {where}.model: {one.model}", expected="an encoder that transformers reads, no code of its folder executed",
        found=f"{type(error).__name__}: {str(error).strip()[:300]}", do="name another model",
    )  # fmt: skip
