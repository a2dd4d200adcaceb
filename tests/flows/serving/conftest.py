"""A workspace with a champion in a real registry."""

from tests.flows.registry.conftest import _own_registry, quick_trial, registered, template, with_champion

__all__ = ["_own_registry", "quick_trial", "registered", "template", "with_champion"]
