"""What a model is worth on test: metrics, paired comparison, verdicts, slices, trees as rival, cost."""
