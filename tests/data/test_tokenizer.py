from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from mtl.data import tokenizer as room
from mtl.data.tokenizer import LEAST, LONGEST, MARGIN, PADDING, PER_TOKEN, UNKNOWN, Kind, encode_texts, fit_tokenizer, tokens_of
from mtl.errors import SpecError, UnfitError

KINDS: tuple[Kind, ...] = get_args(Kind)
each_kind = pytest.mark.parametrize("kind", KINDS)
written = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=60)  # Cn: newer Unicode than Python's may know them

NOUNS = ["dress", "dresses", "sleeve", "colour", "seam", "waist", "don't", "größe", "naïve", "кофта", "قميص", "裙子", "🙂", "शर्ट"]
MARKS = [" ", " ", " ", ", ", "! ", "... ", "-", "\n"]


def sentences(count: int, seed: int = 0) -> pl.Series:
    """Sentences in several scripts, with many equally frequent words and pairs of characters."""
    draw = random.Random(seed)
    return pl.Series(["".join(draw.choice(NOUNS) + draw.choice(MARKS) for _ in range(draw.randint(1, 9))) for _ in range(count)])


def fit(texts: Any, kind: Kind, vocabulary: int = 400, *, lowercase: bool = False) -> str:
    return fit_tokenizer(pl.Series(texts, dtype=pl.String), kind=kind, vocabulary=vocabulary, lowercase=lowercase)


def encoded(tokenizer: str, texts: Sequence[str | None], max_tokens: int = 10**4) -> list[list[int]]:
    rows = encode_texts(tokenizer, pl.Series(texts, dtype=pl.String), max_tokens)
    return [rows[[i]].values.tolist() for i in range(len(rows))]


def whole(tokenizer: str, text: str) -> list[int]:
    """All tokens of the text at once: the oracle of cuts and parts."""
    ids: list[int] = Tokenizer.from_str(tokenizer).encode(text).ids
    return ids


FITTED = {kind: fit(sentences(300), kind) for kind in KINDS}
LOWER = {kind: fit(sentences(300), kind, lowercase=True) for kind in KINDS}
BPE = FITTED["bpe"]


@each_kind
def test_the_same_texts_give_the_same_bytes_in_any_order(kind: Kind) -> None:
    texts = sentences(300)
    for seed in range(4):
        assert fit(texts.shuffle(seed), kind) == FITTED[kind]
        assert fit(pl.concat([pl.Series([None, ""]), texts]), kind) == FITTED[kind]


@pytest.mark.parametrize("threads", ["true", "false"])
def test_another_process_finds_the_same_bytes_and_loads_the_package_late(threads: str) -> None:
    code = f"""
import sys, hashlib, polars as pl
from mtl.data.tokenizer import fit_tokenizer
assert "tokenizers" not in sys.modules
texts = pl.Series({sentences(300).to_list()!r})
for kind in {KINDS!r}:
    print(hashlib.sha256(fit_tokenizer(texts, kind=kind, vocabulary=400, lowercase=False).encode()).hexdigest())
"""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": threads, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [hashlib.sha256(FITTED[kind].encode()).hexdigest() for kind in KINDS]


@each_kind
@given(st.lists(written, min_size=1, max_size=8), st.integers(0, 40), st.booleans())
def test_no_more_numbers_than_asked_for_and_each_has_a_token(kind: Kind, texts: list[str], more: int, lowercase: bool) -> None:
    vocabulary = LEAST[kind] + more
    tokenizer = fit([*texts, "ab ab"], kind, vocabulary, lowercase=lowercase)
    named = Tokenizer.from_str(tokenizer).get_vocab()
    assert sorted(named.values()) == list(range(tokens_of(tokenizer)))
    assert 2 < tokens_of(tokenizer) <= vocabulary
    assert (named[PADDING], named[UNKNOWN]) == (0, 1)
    numbers = {number for row in encoded(tokenizer, texts) for number in row}
    assert numbers <= set(range(1, vocabulary))


@each_kind
def test_a_large_vocabulary_is_filled_as_far_as_train_has_something_twice(kind: Kind) -> None:
    assert tokens_of(fit(["abc abc xyz"], kind, 10**6)) < 300
    assert tokens_of(fit(sentences(300), kind, LEAST[kind] + 9)) == LEAST[kind] + 9


@each_kind
def test_too_small_a_vocabulary_is_an_error_of_the_spec(kind: Kind) -> None:
    with pytest.raises(SpecError, match=f"at least {LEAST[kind]}"):
        fit(["ab ab"], kind, LEAST[kind] - 1)


@each_kind
@pytest.mark.parametrize("texts", [[], [None], ["", None], [" \n\t\u3000"]])
def test_texts_that_say_nothing_are_unfit(kind: Kind, texts: list[str | None]) -> None:
    with pytest.raises(UnfitError, match="no text"):
        fit(texts, kind)


@pytest.mark.parametrize("kind", ["words", "wordpiece"])
@pytest.mark.parametrize("texts", [["abc de"], ["\x00\x00 \x00"]])
def test_texts_with_nothing_twice_are_unfit(kind: Kind, texts: list[str]) -> None:
    with pytest.raises(UnfitError, match="nothing twice"):
        fit(texts, kind)


@given(written)
@example("a\x00b\u202eעברית e\u0301\u0323 👩‍👧‍👦 [UNK] padding")
@example("\u0301 starts with a mark")
@example("  two spaces,   three   ")
@example("x" * 200 + "é" * 200)
def test_bpe_gives_the_text_back_and_never_says_unknown(text: str) -> None:
    """Also of characters that train does not have; NFC is Python's own."""
    (row,) = encoded(BPE, [text])
    assert Tokenizer.from_str(BPE).decode(row) == unicodedata.normalize("NFC", text)
    assert not {0, 1} & set(row)


@each_kind
@given(written, st.booleans())
def test_texts_that_look_alike_are_the_same(kind: Kind, text: str, lowercase: bool) -> None:
    """Composed or with combining marks; and in either case, if so wished."""
    tokenizer = LOWER[kind] if lowercase else FITTED[kind]
    composed, apart = encoded(tokenizer, [unicodedata.normalize(form, text) for form in ("NFC", "NFD")])
    assert composed == apart


@each_kind
def test_lowercase_is_as_asked_and_accents_stay(kind: Kind) -> None:
    upper, lower, bare = encoded(LOWER[kind], ["GRÖSSE NAÏVE КОФТА", "grösse naïve кофта", "grosse naive кофта"])
    assert upper == lower != bare
    assert encoded(FITTED[kind], ["КОФТА"]) != encoded(FITTED[kind], ["кофта"])


@each_kind
def test_accents_are_composed_after_the_case_is_lowered(kind: Kind) -> None:
    """There is a ǰ in one character, but no J̌: the lower case of J and a caron is composed only then."""
    tokenizer = fit(["\u01f0\u01f0 \u01f0"] * 9, kind, lowercase=True)
    assert encoded(tokenizer, ["J\u030c"]) == encoded(tokenizer, ["\u01f0"]) != [[1]]


def test_bpe_keeps_vowel_marks_and_apostrophes_in_their_words() -> None:
    """Where a word is cut, no merge can join it: GPT-2's own cuts make several pieces of each of these."""
    text = "नमस्ते สวัสดี don't l’été"
    (row,) = encoded(fit([text] * 50, "bpe"), [text])
    assert len(row) == len(text.split())


def test_bpe_has_one_token_for_a_word_at_the_beginning_and_further_on() -> None:
    alone, twice = encoded(BPE, ["dress", "dress dress"])
    assert twice == alone * 2
    assert len(alone) == 1


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "dd", "don't", "?", "x1"]), max_size=6), min_size=1), st.integers(3, 9))
def test_words_are_the_most_frequent_ones_and_all_others_are_1(rows: list[list[str]], vocabulary: int) -> None:
    texts = [" ".join(row) for row in [*rows, ["a"] * 500]]
    counts = Counter(word for text in texts for word in text.split())
    kept = sorted((word for word in counts if counts[word] >= 2), key=lambda word: (-counts[word], word))[: vocabulary - 2]
    number = {word: 2 + place for place, word in enumerate(kept)}
    tokenizer = fit(texts, "words", vocabulary)
    assert encoded(tokenizer, texts) == [[number.get(word, 1) for word in text.split()] for text in texts]
    assert encoded(tokenizer, ["never a Seen"]) == [[1, number["a"], 1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't, it’s 5'4!!", ["I", "don't", ",", "it’s", "5'4", "!", "!"]),
        ("snake_case _ 'quoted' well-made", ["snake_case", "_", "'", "quoted", "'", "well", "-", "made"]),
        ("很好 ok❤️❤️", ["很", "好", "ok", "❤️", "❤️"]),
        ("नमस्ते สวัสดี שלום\u00a0שלום", ["नमस्ते", "สวัสดี", "שלום", "שלום"]),
        ("a\x00b \ufffd", ["ab"]),
    ],
)
def test_what_a_word_is(text: str, words: list[str]) -> None:
    tokenizer = fit([text, text], "words")
    assert Tokenizer.from_str(tokenizer).encode(text).tokens == words


def test_pieces_make_up_the_words_and_strange_characters_are_1() -> None:
    tokenizer = FITTED["wordpiece"]
    texts = ["dresse sleeves, waist! größs", "裙子子", "seam😱 seam"]
    found = [Tokenizer.from_str(tokenizer).encode(text).tokens for text in texts]
    joined = [" ".join(tokens).replace(" ##", "").split() for tokens in found]
    assert joined == [["dresse", "sleeves", ",", "waist", "!", "größs"], ["裙", "子", "子"], [UNKNOWN.strip(), "seam"]]
    assert encoded(tokenizer, ["seam😱 seam"])[0][0] == 1


def test_a_small_alphabet_is_of_the_most_frequent_characters() -> None:
    tokenizer = fit(["z q x x x q q e e e e z"], "wordpiece", 2 + 2 * 3)
    assert [row == [1] for row in encoded(tokenizer, ["e", "x", "q", "z"])] == [False, False, False, True]
    assert encoded(fit(["b b a a"], "wordpiece", 4), ["a", "b"])[1] == [1]  # of equally frequent ones the first


@each_kind
def test_words_that_name_the_first_two_numbers_are_words(kind: Kind) -> None:
    text = f"{PADDING}{UNKNOWN} padding unknown [PAD] [UNK] <pad> ##padding"
    tokenizer = fit([text] * 9, kind, 600)
    (row,) = encoded(tokenizer, [text])
    assert not {0, 1} & set(row)


@each_kind
def test_nulls_and_texts_without_a_token_are_empty_rows(kind: Kind) -> None:
    rows = encode_texts(FITTED[kind], pl.Series([None, "dress", "", None, "seam", ""]), 9)
    assert rows.lengths.tolist() == [0, 1, 0, 0, 1, 0]
    assert rows.values.dtype == "int32"
    blank = encoded(FITTED[kind], [" \t\n\u3000"])
    assert bool(blank[0]) == (kind == "bpe")


@each_kind
@pytest.mark.parametrize("texts", [pl.Series([], dtype=pl.String), pl.Series([None, None])])
def test_no_texts_have_no_tokens(kind: Kind, texts: pl.Series) -> None:
    rows = encode_texts(FITTED[kind], texts, 9)
    assert (len(rows), len(rows.values), rows.values.dtype) == (len(texts), 0, "int32")


@each_kind
@given(texts=st.lists(st.none() | written, max_size=9), together=st.integers(1, 300))
def test_parts_of_any_size_give_the_same(kind: Kind, texts: list[str | None], together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "TOGETHER", together)
        found = encoded(FITTED[kind], texts)
    assert found == [whole(FITTED[kind], text) if text else [] for text in texts]


LONG = {
    "prose": " ".join(sentences(300)),
    "a": "a" * 10_000,
    "no space": "".join(sentences(300)).translate(dict.fromkeys(map(ord, " \n"))),
    "emoji": "👩‍👧‍👦🙂" * 1500,
    "words in the void": (" " * 3001 + "dress ") * 4,
    "composed": "e\u0301" * 5000,
    "marks": "!?" * 5000,
}


@each_kind
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("max_tokens", [0, 1, 7, 300])
def test_a_cut_gives_the_first_tokens_of_the_whole(kind: Kind, text: str, max_tokens: int) -> None:
    """Wherever the text, which is longer than what is read of it at first, is cut."""
    assert len(text) > PER_TOKEN * (max_tokens + MARGIN)
    texts: list[str | None] = [text[start:] for start in range(0, 90, 29)]
    assert encoded(FITTED[kind], texts, max_tokens) == [whole(FITTED[kind], text or "")[:max_tokens] for text in texts]


@pytest.mark.parametrize("kind", ["words", "wordpiece"])
def test_a_word_right_where_the_reading_stops_is_read_to_its_end(kind: Kind) -> None:
    word = "".join(random.Random(1).choices("abcdefghij", k=LONGEST - 1))
    tokenizer = fit([word, word], kind, 600)
    stop = PER_TOKEN * (1 + MARGIN)
    texts = [" " * (stop - part) + word for part in range(LONGEST)]
    assert encoded(tokenizer, texts, 1) == [whole(tokenizer, text)[:1] for text in texts]


@each_kind
@pytest.mark.parametrize("text", ["a", " ", ".", "😀", "dress ", "字", "e\u0301"])
def test_a_million_characters_take_no_seconds(kind: Kind, text: str) -> None:
    """Most take some hundredths; those without any token are read to their end."""
    texts = pl.Series([(text * 10**6)[: 10**6]])
    started = time.process_time()
    rows = encode_texts(FITTED[kind], texts, 256)
    assert time.process_time() - started < 2  # of all threads
    assert len(rows.values) == (0 if text == " " and kind != "bpe" else 256)


@each_kind
def test_training_on_long_texts_without_a_space_ends(kind: Kind) -> None:
    """A million characters would take an hour if they were one word."""
    endless = "".join(random.Random(0).choices("abcdefgh", k=300_000))
    started = time.process_time()
    tokenizer = fit([endless, "a" * 300_000], kind, 600)
    assert time.process_time() - started < 10
    longest = max(Tokenizer.from_str(tokenizer).get_vocab(), key=len)
    assert len(longest) <= LONGEST + len("##")


def test_the_json_is_compact_and_holds_no_text_to_look_for() -> None:
    for tokenizer in FITTED.values():
        assert '"added_tokens":[]' in tokenizer
        assert not re.search(r'": |, "\w+":|\n', tokenizer)
