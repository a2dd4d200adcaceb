"""Exact solvers of the small convex problems behind the gradient methods, on norms and cosines, in float64 on the CPU."""
