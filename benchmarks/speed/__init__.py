"""Speed of one epoch: mtl's loop and its peers' over a loop written by hand."""
