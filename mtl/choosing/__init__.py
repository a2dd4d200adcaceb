"""`sharing: auto`: who shares a trunk with whom, who stands alone, and what each loss weighs. Test has no name here.

`choice` is what was decided, `choose` decides; whoever only reads a choice loads no network.
"""
