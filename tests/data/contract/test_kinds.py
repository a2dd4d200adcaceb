"""What a look at the data settles, and what it cannot."""

from __future__ import annotations

import polars as pl
import pytest

from mtl.data.contract.kinds import present, settle
from mtl.data.contract.use import WORDS, Use
from mtl.errors import DataError


@pytest.fixture
def files(tmp_path):
    def write(*frames: pl.DataFrame):
        paths = [tmp_path / f"{i}.parquet" for i in range(len(frames))]
        for path, frame in zip(paths, frames):
            frame.write_parquet(path)
        return paths

    return write


def kind(files, kind, *series: pl.Series) -> str:
    paths = files(*[pl.DataFrame({"c": s}) for s in series])
    return settle({"c": Use("c", kind, "", strong=False)}, (), paths)["c"].kind


def test_plain_text_is_a_number_only_if_all_of_it_is(files):
    assert kind(files, "plain", pl.Series(["1", "2.5", None, "-1e3"])) == "numeric"
    assert kind(files, "plain", pl.Series(["1", "007"])) == "text"
    assert kind(files, "plain", pl.Series(["1"]), pl.Series(["a"])) == "text"
    assert kind(files, "plain", pl.Series([None], dtype=pl.String)) == "text"
    assert kind(files, "plain", pl.Series([1, 2])) == "numeric"
    assert kind(files, "plain", pl.Series([True])) == "boolean"


def test_a_time_is_a_date_unless_some_cell_has_an_hour(files):
    assert kind(files, "time", pl.Series(["2026-03-31", None])) == "date"
    assert kind(files, "time", pl.Series(["2026-03-31"]), pl.Series(["2026-03-31 10:00"])) == "datetime"
    assert kind(files, "time", pl.Series([2017, 2018])) == "date"


MIXTURES = [(["yes", "No"], ("no", "yes")), (["True"], ("false", "true")), (["1.0", "0"], ("0", "1")), (["1", "no"], ("0", "1"))]


@pytest.mark.parametrize(("cells", "pair"), MIXTURES)
def test_binary_words_keep_their_spelling_unless_mixed(files, cells, pair):
    use = Use("c", "label", "", allowed=(tuple(WORDS),), spellings=tuple(WORDS), words=True)
    settled = settle({"c": use}, (), files(pl.DataFrame({"c": cells})))["c"]
    assert (settled.spellings, settled.allowed) == (pair, (pair,))


def test_a_column_that_is_not_there(files):
    paths = files(pl.DataFrame({"age": [1], "sex": ["f"]}), pl.DataFrame({"sex": ["f"]}))
    with pytest.raises(DataError, match="no column 'agee'") as error:
        present({"agee": Use("agee", "numeric", "inputs.i.columns.agee")}, (), "t", paths[:1])
    assert error.value.do == "write 'age' in params.yaml"
    with pytest.raises(DataError, match=r"1\.parquet\): no column 'age'"):
        present({"age": Use("age", "numeric", "w")}, (), "t", paths)
    assert present({"town": Use("town", "text", "w", optional=True)}, (), "t", paths) == {}
    with pytest.raises(DataError, match="no column 'age'"):  # in one partition and not in the other
        present({"age": Use("age", "text", "w", optional=True)}, (), "t", paths)


def test_a_type_no_cell_can_be_read_from(files):
    paths = files(pl.DataFrame({"l": [[1, 2]], "d": pl.Series([1], dtype=pl.Int32).cast(pl.Date)}))
    with pytest.raises(DataError, match="column 'l'") as error:
        present({"l": Use("l", "category", "w")}, (), "t", paths)
    assert error.value.found == "the type List(Int64)"
    with pytest.raises(DataError, match="column 'd'"):
        present({"d": Use("d", "numeric", "w")}, (), "t", paths)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "part-0000.parquet"
    path.write_bytes(b"PAR1 cut short")
    with pytest.raises(DataError, match=r"part-0000\.parquet: cannot be read"):
        present({"x": Use("x", "numeric", "w")}, (), "t", [path])
