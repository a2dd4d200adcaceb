"""Run benchmarks and write their sections of RESULTS.md.

    python -m benchmarks                 everything (an hour or so)
    python -m benchmarks speed separate  some of it
    python -m benchmarks --quick         small sizes, into benchmarks/.work/quick.md

Peers are measured where `benchmarks/peers/install` has put them; without them their lines say so.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import results
from benchmarks.audio import table as audio
from benchmarks.image import table as image
from benchmarks.job import table as job
from benchmarks.results import Section
from benchmarks.separate import table as separate
from benchmarks.speed import table as speed
from benchmarks.text import table as text
from benchmarks.work import HERE


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    rows: int
    rounds: int
    tasks: tuple[int, ...]
    tracked: tuple[int, ...]
    """Numbers of tasks at which the tracking of relatedness is measured."""
    methods: tuple[str, ...] | None
    """Balancings and peers' methods, in lower case; None: all."""
    job_tasks: tuple[int, ...]
    separate_sizes: tuple[tuple[int, int], ...]


FULL = Size(100_000, 5, (4, 16, 64), (4, 16), None, (4, 16), tuple(separate.SIZES))
QUICK = Size(20_000, 3, (4, 16), (16,), ("equal", "pcgrad", "mgda", "upgrad", "ew"), (4,), ((64, 256), (256, 1024)))
TINY = Size(1_500, 1, (4,), (), ("equal",), (2,), ((8, 256),))


def sections(asked: Sequence[str], size: Size, options: str) -> Iterator[Section]:
    """Each section that was asked for, as soon as it is measured."""
    made: dict[str, Callable[[Size, str], Iterator[Section]]] = {
        "speed": _speed, "job": _job, "separate": _separate, "text": _text, "audio": _audio, "image": _image,
    }  # fmt: skip
    for name in asked:
        yield from made[name](size, f"python -m benchmarks {name}{options}")


def _speed(size: Size, command: str) -> Iterator[Section]:
    tracking = speed.measure_tracking(size.tracked, size.rows, max(size.rounds, 9))
    found: dict[int, list[speed.Result]] = {}
    for number in size.tasks:
        found |= speed.measure([number], size.rows, size.rounds, size.methods)
        yield speed.section(found, tracking, size.rows, size.rounds, command)


def _job(size: Size, command: str) -> Iterator[Section]:
    for number in size.job_tasks:
        yield job.section(job.measure(size.rows, number, size.rounds), size.rows, number, size.rounds, command)


def _separate(size: Size, command: str) -> Iterator[Section]:
    count = size.rows // 5
    found = separate.measure(count, size.rounds, size.separate_sizes)
    yield separate.section(found, separate.measure_idle(count, size.rounds), count, size.rounds, command)


def _text(size: Size, command: str) -> Iterator[Section]:
    count = size.rows // 25
    yield text.section(text.measure(count, size.rounds), count, size.rounds, command)


def _image(size: Size, command: str) -> Iterator[Section]:
    count = size.rows // 25
    yield image.section(image.measure(count, size.rounds), count, size.rounds, command)


def _audio(size: Size, command: str) -> Iterator[Section]:
    count = size.rows * 3 // 100
    yield audio.section(audio.measure(count, size.rounds), count, size.rounds, command)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar="speed|job|separate|text|audio|image", help="all if left out")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="a few minutes")
    sizes.add_argument("--tiny", action="store_true", help="seconds: only to see that it runs")
    parser.add_argument("--rows", type=int, help="rows of the tables")
    parser.add_argument("--rounds", type=int, help="pairs of each entrant")
    parser.add_argument("--methods", nargs="+", help="of speed: only these balancings and peers' methods, in lower case")
    parser.add_argument("--into", type=Path, help="file whose sections are written")
    said = parser.parse_args()
    what = said.what or ["speed", "job", "separate", "text", "audio", "image"]
    if unknown := set(what) - {"speed", "job", "separate", "text", "audio", "image"}:
        parser.error(f"speed, job, separate, text, audio or image; found {', '.join(sorted(unknown))}")
    small = said.quick or said.tiny
    file = said.into or (HERE / "quick.md" if small else results.RESULTS)
    size = QUICK if said.quick else TINY if said.tiny else FULL
    options = " --quick" if said.quick else " --tiny" if said.tiny else ""
    for name in ("rows", "rounds"):
        if (asked := getattr(said, name)) is not None:
            size, options = replace(size, **{name: asked}), f"{options} --{name} {asked}"
    if said.methods:
        size, options = replace(size, methods=tuple(said.methods)), f"{options} --methods {' '.join(said.methods)}"
    for section in sections(what, size, options):
        results.write(section, file)
        print(section.text(), flush=True)
    print(f"written into {file}")


if __name__ == "__main__":
    main()
