"""What the searches found: nuisance settings of the studies that follow them."""

CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "input_scaling_search": {
        "raw": 3e-3,
        "min_max": 0.1,
        "standardized": 0.1,
        "per_image": 0.1,
        "equalized": 0.1,
    },
    "fashion_mlp_search": {
        "leaky none": 0.1,
        "leaky none input": 0.01,
        "relu none": 0.1,
        "relu none input": 0.03,
        "leaky after": 0.1,
        "leaky after input": 0.03,
        "relu after": 0.03,
        "relu after input": 0.3,
    },
    "mnist_search": {"batch": 0.1, "layer": 0.1, "group": 0.3},
}
