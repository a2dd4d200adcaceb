"""A model as a folder, the gate, and the MLflow registry. The only room that imports MLflow."""
