"""The course's studies as data: which arms, on which images, with which seeds."""

from helpers.experiments import conditions, normalization, regularization
from helpers.experiments.chosen import CHOSEN
from helpers.experiments.normalization import mlp_name
from helpers.experiments.study import Arm, Study

__all__ = ["CHOSEN", "STUDIES", "Arm", "Study", "mlp_name"]

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        normalization.cifar_norms(),
        normalization.input_scaling_search(),
        normalization.input_scaling(),
        normalization.fashion_mlp(),
        normalization.fashion_mlp_published(),
        normalization.fashion_mlp_search(),
        normalization.fashion_mlp_tuned(),
        conditions.norm_grid_search(),
        conditions.norm_grid(),
        conditions.vgg_learning_rate(),
        conditions.depth_search(),
        conditions.depth(),
        regularization.adam_l2_adamw(),
        regularization.mnist_search(),
        regularization.mnist_penalty_search(),
        regularization.mnist_regularization(),
        regularization.mnist_penalties(),
        regularization.mnist_other_rates(),
        regularization.mnist_readings(),
        regularization.l1_path(),
    )
}
