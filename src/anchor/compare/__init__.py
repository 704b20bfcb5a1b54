"""Two sides' books held against each other: balances, lists, sketches, the first divergence."""
