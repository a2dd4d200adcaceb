"""Letting an alias of the registered model point elsewhere, so that it can be taken back."""

from __future__ import annotations

from mtl.registry.store import Store
from mtl.registry.undo import Undo


def point(store: Store, alias: str, version: int, undo: Undo) -> None:
    """Let `alias` point to a version; a step of `undo`."""
    was = store.alias(alias)
    if was == version:
        return
    if was is None:
        undo.step(f"alias {alias}", lambda: store.client.delete_registered_model_alias(store.name, alias))
    else:
        undo.step(f"alias {alias}", lambda: store.client.set_registered_model_alias(store.name, alias, str(was)))
    store.client.set_registered_model_alias(store.name, alias, str(version))
