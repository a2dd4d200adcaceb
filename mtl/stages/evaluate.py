"""`mtl evaluate`: every model on test, paired, with intervals -> reports/metrics.json, evaluation.json, plots."""

from __future__ import annotations

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.cost import measure_cost
from mtl.evaluation.predictions import read_predictions
from mtl.evaluation.summary import evaluate, write_evaluation
from mtl.layout import ALIGNED, CANDIDATE, ENCODINGS, SINGLE_TASK, TREES
from mtl.network.predict import predict, predict_with_spread
from mtl.registry.package import read_package
from mtl.spec import read_spec
from mtl.stages._needs import need


def run() -> str:
    need("evaluate", ALIGNED, ENCODINGS, CANDIDATE, SINGLE_TASK, TREES)
    spec, encodings, test = read_spec(), Encodings.read(ENCODINGS), AlignedSet.read(ALIGNED / "test")
    model, single = read_package(CANDIDATE).network, read_package(SINGLE_TASK).network
    ours, spread = predict_with_spread(model, encodings, test.inputs)
    predictions = {
        "model": ours,
        "single_task": predict(single, encodings, test.inputs),
        "trees": read_predictions(TREES, encodings.tasks),
    }
    done = evaluate(spec, encodings, test, predictions, spread)
    write_evaluation(done)
    measure_cost(encodings, test, model, single)
    return done.summary()
