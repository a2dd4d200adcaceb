from __future__ import annotations

import pytest
from pydantic import ValidationError

from mtl.spec import Operations


def test_a_placement_is_a_pool_or_more() -> None:
    said = Operations.model_validate({"placement": {"train": "gpu", "baseline": {"pool": "gpu", "store": "s3://x"}}}).placement
    assert said["train"].pool == said["baseline"].pool == "gpu"
    assert said["train"].store is None
    assert said["baseline"].store == "s3://x"


@pytest.mark.parametrize(
    "wrong",
    [
        {"services": {"prefect": {"port": 80}}},
        {"services": {"pools": {"cpu": 0}}},
        {"notify": [{"block": "no-name"}]},
        {"notify": [{"webhook": "https://x", "on": ["sunrise"]}]},
        {"record": "push"},
        {"placements": {}},
    ],
)
def test_what_cannot_be_done_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Operations.model_validate(wrong)
