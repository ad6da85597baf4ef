"""Training: the recipe, the one loop, how it is executed, what is measured of a trained network."""
