"""Networks: encoders, sharing, heads, and what joins them. Knows no files; of the data it knows a `Plan`."""

from mtl.network.network import Network, Outputs, build_network, input_tensors, rows_of
from mtl.network.plan import Plan, plan_of
from mtl.network.predict import Predictions, predict, predict_with_spread

__all__ = [
    "Network",
    "Outputs",
    "Plan",
    "Predictions",
    "build_network",
    "input_tensors",
    "plan_of",
    "predict",
    "predict_with_spread",
    "rows_of",
]
