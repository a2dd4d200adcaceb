"""A BERT of some thousand random weights, in a folder as Hugging Face keeps one, or as this project does."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.data.pretrained import PretrainedModel, content_of
from mtl.extras import extra
from mtl.spec import PretrainedTextInput

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONGEST = 32


def tiny_bert(folder: Path, words: list[str], seed: int = 0, **more: Any) -> Path:
    """With a tokenizer that knows these words. Skips the test where `transformers` is not installed."""
    if find_spec("transformers") is None:
        pytest.skip("make pretrained")
    transformers = extra("transformers", "a test")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    transformers.logging.disable_progress_bar()
    known = {word: number for number, word in enumerate([*SPECIAL, *words])}
    cuts = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    cuts.normalizer, cuts.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    cuts.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=cuts, model_max_length=LONGEST, **names).save_pretrained(folder)
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, **more}
    config = transformers.BertConfig(vocab_size=len(known), max_position_embeddings=LONGEST, **sizes)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def kept_bert(came: Path, folder: Path) -> PretrainedModel:
    """The encoder in the folder `came`, brought into the new folder `folder`."""
    from mtl.pretrained.convert import convert

    said = {"source": "docs", "kind": "pretrained_text", "column": "text", "model": "tiny", "max_tokens": 16}
    convert(came, PretrainedTextInput.model_validate(said), "inputs.words", folder)
    return PretrainedModel(content_of(folder), "mean", 16, "float32", folder.as_posix())
