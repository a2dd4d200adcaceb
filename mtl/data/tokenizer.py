"""Texts as token numbers: a tokenizer fitted on train texts, kept as its own JSON, and the tokens it makes of any texts.

Three kinds, all trained and run by the package `tokenizers`:

    bpe        pairs of bytes (Sennrich et al. 2016, arXiv:1508.07909; on bytes: GPT-2): everything written has tokens
    wordpiece  pieces of words, `##` before those that go on (Schuster & Nakajima 2012; normaliser and cuts of BERT)
    words      whole words and punctuation marks; all other words are unknown

Number 0 is padding and is never made from a text, 1 is an unknown word, the further ones are tokens. The names of these two
begin with a space, which no token does: a text that says "[UNK]" is like any other.

A merge, a word or a character is kept only if train has it twice: what train has once counts as unknown, so that the
network also learns what to make of number 1.

The same texts, in any order and with any number of threads, give the same bytes. Pairs that are equally frequent are merged
in the order of their tokens' numbers, so these must not hang on chance: `bpe` and `words` number in a fixed order, but the
package numbers wordpiece's continued characters in the order of a hash table that differs from run to run, and cuts an
alphabet at equal counts in that order too. `_fit_wordpiece` therefore gives it both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from mtl.data.ragged import Ragged
from mtl.errors import SpecError, UnfitError

if TYPE_CHECKING:  # the package takes its time to load: `mtl --help` goes without it
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

Kind = Literal["bpe", "wordpiece", "words"]
Ints = np.ndarray[Any, np.dtype[np.int64]]

PADDING, UNKNOWN = " padding", " unknown"
LEAST: dict[Kind, int] = {"bpe": 2 + 256, "wordpiece": 2 + 2, "words": 2 + 1}
"""The smallest vocabularies: padding, unknown, and all bytes, or a character at and after the beginning, or a word."""
TWICE = 2
LONGEST = 64
"""Characters of the longest piece that tokens are made of; a longer one is cut into several. Training on a "word" of a
million characters would take time with the square of its length."""
MARGIN = 4 * LONGEST + 256
"""More tokens than a cut in a text can change: those of its last piece, one for each byte at worst."""
PER_TOKEN = 8
"""Characters that are read at first for each token wanted; most texts have 1 to 6 a token."""
TOGETHER = 2**20
"""Characters encoded together: memory is then bounded (a token takes some 100 bytes on the way)."""

_WORD = r"\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*"
_BPE = rf" ?{_WORD}| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+"
"""GPT-2's cuts, but marks (vowels of Hindi or Thai) stay with their letters, and so do letters behind an apostrophe."""
_PART = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}_]*"
_WORDS = rf"{_PART}(?:['’]{_PART})*|[^\s\p{{L}}\p{{N}}]\p{{M}}*"


def fit_tokenizer(texts: pl.Series, *, kind: Kind, vocabulary: int, lowercase: bool) -> str:
    """A tokenizer of at most `vocabulary` numbers, as the JSON that `tokenizers.Tokenizer.from_str` reads.

    `texts`: of train only; nulls are left out. Raises SpecError if the vocabulary is too small for the kind, UnfitError if
    no text says anything, or none of its words and characters (`bpe`: any) comes twice.
    """
    if vocabulary < LEAST[kind]:
        raise SpecError(
            f"the vocabulary of a tokenizer of kind {kind} is too small", expected=f"at least {LEAST[kind]}", found=str(vocabulary),
            do="give more; some thousands are usual",
        )  # fmt: skip
    given = texts.cast(pl.String).drop_nulls()
    said = given.filter(given.str.strip_chars() != "")
    fitted = _without_added(_FITS[kind](said, vocabulary, lowercase)) if len(said) else None
    if fitted is None or tokens_of(fitted) == 2:
        raise UnfitError(
            f"a tokenizer of kind {kind} cannot be fitted", expected="train texts with words, some of them more than once",
            found=f"{len(texts)} rows, {len(said)} with a text, and nothing twice in them" if len(said) else "no text",
            do="look at the column, or remove the input",
        )  # fmt: skip
    return fitted


def encode_texts(tokenizer: str, texts: pl.Series, max_tokens: int) -> Ragged:
    """int32 tokens of each text, the first `max_tokens` of them; none for null and where nothing is said.

    Of a long text only a beginning is read, and more of it until that gives MARGIN tokens more than wanted: since a cut in
    the text changes no token but those of the piece that it is in, the tokens are those of the whole text. (Unless hundreds
    of combining marks follow one another right there, which no writing does.)
    """
    parsed = _parsed(tokenizer)
    whole = texts.cast(pl.String).fill_null("")
    characters = PER_TOKEN * (max_tokens + MARGIN)
    sizes = whole.str.len_chars().to_numpy().astype(np.int64)
    values, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for part in _parts(np.minimum(sizes, characters)):
        rows = _encode(parsed, whole[part], sizes[part], characters, max_tokens + MARGIN)
        values.append(np.fromiter(chain.from_iterable(row[:max_tokens] for row in rows), np.int32))
        lengths.append(np.array([min(len(row), max_tokens) for row in rows], np.int64))
    return Ragged(np.concatenate(values), np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths])))


def tokens_of(tokenizer: str) -> int:
    """Size of the vocabulary: the largest number + 1."""
    return _parsed(tokenizer).get_vocab_size()


@lru_cache(maxsize=16)
def _parsed(tokenizer: str) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tokenizer)


def _parts(sizes: Ints) -> Iterator[slice]:
    """Rows of about TOGETHER characters, in order; 64 more are counted a row, so that empty ones are not free."""
    group = np.cumsum(sizes + 64) // TOGETHER
    bounds = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(sizes)]
    return (slice(start, stop) for start, stop in pairwise(bounds) if start < stop)


def _encode(parsed: Tokenizer, texts: pl.Series, sizes: Ints, characters: int, enough: int) -> list[list[int]]:
    """The first tokens of each text: all, or at least `enough`."""
    found = [one.ids for one in parsed.encode_batch_fast(texts.str.head(characters).to_list())]
    for i in np.flatnonzero(sizes > characters).tolist():
        read = characters
        while len(found[i]) < enough and read < sizes[i]:
            read *= 4
            found[i] = parsed.encode_batch_fast([texts[i][:read]])[0].ids
    return found


def _fit_bpe(texts: pl.Series, vocabulary: int, lowercase: bool) -> Tokenizer:
    """A space goes in front of every text, so that a word is the same token at the beginning and further on."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    first: list[Normalizer] = [normalizers.Lowercase()] if lowercase else []
    tokenizer.normalizer = normalizers.Sequence([*first, normalizers.NFC(), normalizers.Prepend(" ")])
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = _cuts(pre_tokenizers.Split(Regex(_BPE), "isolated"), to_bytes)
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=TWICE, show_progress=False, special_tokens=[PADDING, UNKNOWN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer.train_from_iterator(iter(texts), trainer)
    return tokenizer


def _fit_wordpiece(texts: pl.Series, vocabulary: int, lowercase: bool) -> Tokenizer:
    """Trained twice: for the continued characters that there are, and with these as numbered tokens, for all others."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    normalizer = _bert(lowercase)
    alphabet = _alphabet(normalizer, texts, most=(vocabulary - 2) // 2)  # each may come at and after the beginning
    numbered = [PADDING, UNKNOWN]
    for size in (0, vocabulary):
        tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, _cuts(pre_tokenizers.BertPreTokenizer())
        trainer = trainers.WordPieceTrainer(
            vocab_size=size, min_frequency=TWICE, show_progress=False, special_tokens=numbered,
            initial_alphabet=alphabet, limit_alphabet=len(alphabet),
        )  # fmt: skip
        tokenizer.train_from_iterator(iter(texts), trainer)
        numbered = [PADDING, UNKNOWN, *sorted(tokenizer.get_vocab().keys() - {PADDING, UNKNOWN})]
    return tokenizer


def _fit_words(texts: pl.Series, vocabulary: int, lowercase: bool) -> Tokenizer:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = _bert(lowercase)
    tokenizer.pre_tokenizer = _cuts(pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True))
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocabulary, min_frequency=TWICE, show_progress=False, special_tokens=[PADDING, UNKNOWN]
    )
    tokenizer.train_from_iterator(iter(texts), trainer)
    return tokenizer


_FITS: dict[Kind, Callable[[pl.Series, int, bool], Tokenizer]] = {"bpe": _fit_bpe, "wordpiece": _fit_wordpiece, "words": _fit_words}


def _bert(lowercase: bool) -> Normalizer:
    """No control characters, a Chinese character is a word, accents stay; NFC last, for what lower case makes of accents."""
    from tokenizers import normalizers

    bert = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=lowercase)
    return normalizers.Sequence([bert, normalizers.NFC()])


def _cuts(first: PreTokenizer, *then: PreTokenizer) -> PreTokenizer:
    """Cuts of the first, none of its pieces longer than LONGEST characters, and what else is done to them."""
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence([first, pre_tokenizers.FixedLength(LONGEST), *then])


def _alphabet(normalizer: Normalizer, texts: pl.Series, most: int) -> list[str]:
    """The most frequent characters of the texts, at least TWICE there; of equally frequent ones the first."""
    counts = np.zeros(0x110000, np.int64)
    for text in texts:
        points = np.frombuffer(normalizer.normalize_str(text).encode("utf-32-le"), "<u4")
        np.add.at(counts, points, 1)
    counts[ord(" ")] = 0
    frequent = np.flatnonzero(counts >= TWICE)
    return [chr(point) for point in frequent[np.argsort(-counts[frequent], kind="stable")][:most]]


def _without_added(tokenizer: Tokenizer) -> str:
    """Its JSON without the tokens that would be looked for in texts as they stand: they keep their numbers in the model."""
    return json.dumps({**json.loads(tokenizer.to_str()), "added_tokens": []}, ensure_ascii=False, separators=(",", ":"))
