"""Studies: which runs there are, how they are trained side by side, how they are recorded."""
