"""Relatedness of tasks: whose gradients agree, whose fight, and whose steps lower whose loss. Pure functions, no files.

`order` needs no torch, so that the report can use it.
"""
