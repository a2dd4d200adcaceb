"""Quality on real data: the shared model against single-task networks and boosted trees, by the pipeline's own stages."""
