"""What the lessons have of their own, a folder each, and all of it together: studies, claims, exercises."""

from collections.abc import Callable

import pandas as pd

from helpers.analysis.claims import Finding, Statement, judged
from helpers.analysis.readings import Runs
from helpers.analysis.stats import spent
from helpers.lessons.batch_layer_group_compared import claims as batch_layer_group_compared_claims
from helpers.lessons.batch_layer_group_compared import exercises as batch_layer_group_compared_exercises
from helpers.lessons.batch_layer_group_compared import studies as batch_layer_group_compared_studies
from helpers.lessons.batch_norm_before_and_after import claims as batch_norm_before_and_after_claims
from helpers.lessons.batch_norm_before_and_after import exercises as batch_norm_before_and_after_exercises
from helpers.lessons.batch_norm_before_and_after import studies as batch_norm_before_and_after_studies
from helpers.lessons.batch_norm_from_scratch import exercises as batch_norm_from_scratch_exercises
from helpers.lessons.batch_norm_in_use import exercises as batch_norm_in_use_exercises
from helpers.lessons.batch_size_learning_rate_depth import claims as batch_size_learning_rate_depth_claims
from helpers.lessons.batch_size_learning_rate_depth import (
    exercises as batch_size_learning_rate_depth_exercises,
)
from helpers.lessons.batch_size_learning_rate_depth import studies as batch_size_learning_rate_depth_studies
from helpers.lessons.data_normalization import claims as data_normalization_claims
from helpers.lessons.data_normalization import exercises as data_normalization_exercises
from helpers.lessons.data_normalization import studies as data_normalization_studies
from helpers.lessons.diagnosis import Exercise
from helpers.lessons.fifty_thousand_parameters import claims as fifty_thousand_parameters_claims
from helpers.lessons.fifty_thousand_parameters import exercises as fifty_thousand_parameters_exercises
from helpers.lessons.fifty_thousand_parameters import studies as fifty_thousand_parameters_studies
from helpers.lessons.l1_l2_from_scratch import exercises as l1_l2_from_scratch_exercises
from helpers.lessons.layer_group_instance_rms_norm import exercises as layer_group_instance_rms_norm_exercises
from helpers.lessons.norms_for_sequences import claims as norms_for_sequences_claims
from helpers.lessons.norms_for_sequences import exercises as norms_for_sequences_exercises
from helpers.lessons.norms_for_sequences import studies as norms_for_sequences_studies
from helpers.lessons.regularization_experiments import claims as regularization_experiments_claims
from helpers.lessons.regularization_experiments import exercises as regularization_experiments_exercises
from helpers.lessons.regularization_experiments import studies as regularization_experiments_studies
from helpers.lessons.signals_in_deep_networks import exercises as signals_in_deep_networks_exercises
from helpers.lessons.weight_decay import claims as weight_decay_claims
from helpers.lessons.weight_decay import exercises as weight_decay_exercises
from helpers.lessons.weight_decay import studies as weight_decay_studies
from helpers.lessons.what_holds_up import exercises as what_holds_up_exercises
from helpers.lessons.why_batch_norm_helps import exercises as why_batch_norm_helps_exercises
from helpers.lessons.why_scale_matters import exercises as why_scale_matters_exercises
from helpers.studies.study import Study

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        batch_layer_group_compared_studies.cifar_norms(),
        batch_layer_group_compared_studies.cifar_rates_search(),
        data_normalization_studies.input_scaling_search(),
        data_normalization_studies.input_scaling(),
        batch_norm_before_and_after_studies.fashion_mlp(),
        batch_norm_before_and_after_studies.fashion_mlp_published(),
        batch_norm_before_and_after_studies.fashion_mlp_search(),
        batch_norm_before_and_after_studies.fashion_mlp_tuned(),
        batch_norm_before_and_after_studies.fashion_mlp_framework(),
        batch_norm_before_and_after_studies.fashion_mlp_decayed_search(),
        batch_size_learning_rate_depth_studies.norm_grid_search(),
        batch_size_learning_rate_depth_studies.norm_grid(),
        batch_size_learning_rate_depth_studies.vgg_learning_rate(),
        batch_size_learning_rate_depth_studies.depth_search(),
        batch_size_learning_rate_depth_studies.depth(),
        batch_size_learning_rate_depth_studies.vgg_parts(),
        batch_size_learning_rate_depth_studies.ghost_search(),
        batch_size_learning_rate_depth_studies.ghost_norm(),
        batch_size_learning_rate_depth_studies.shortcut_search(),
        weight_decay_studies.adam_l2_adamw(),
        weight_decay_studies.adam_few_images(),
        weight_decay_studies.decay_parts_search(),
        weight_decay_studies.decay_parts(),
        regularization_experiments_studies.mnist_search(),
        regularization_experiments_studies.mnist_penalty_search(),
        regularization_experiments_studies.mnist_regularization(),
        regularization_experiments_studies.mnist_penalties(),
        regularization_experiments_studies.few_images_search(),
        regularization_experiments_studies.mnist_other_rates(),
        regularization_experiments_studies.mnist_readings(),
        regularization_experiments_studies.l1_path(),
        norms_for_sequences_studies.sequences_rates(),
        norms_for_sequences_studies.sequences_depth(),
        norms_for_sequences_studies.lstm_rows(),
        norms_for_sequences_studies.dynamic_tanh_text(),
        norms_for_sequences_studies.sequences_published(),
        fifty_thousand_parameters_studies.budget_search(),
        fifty_thousand_parameters_studies.budget_steps(),
        fifty_thousand_parameters_studies.budget_final(),
        fifty_thousand_parameters_studies.budget_sprint(),
    )
}

CHOSEN: dict[str, dict[str, float]] = {  # what the searches found: search -> rates
    **data_normalization_studies.CHOSEN,
    **batch_norm_before_and_after_studies.CHOSEN,
    **batch_size_learning_rate_depth_studies.CHOSEN,
    **weight_decay_studies.CHOSEN,
    **regularization_experiments_studies.CHOSEN,
    **fifty_thousand_parameters_studies.CHOSEN,
}

# Study -> what its claims say of the runs, given the smallest difference that matters there, in its unit.
CLAIMS: dict[str, Callable[[Runs, float | None], list[Statement | Finding]]] = {
    "cifar_norms": batch_layer_group_compared_claims.cifar_norms,
    "input_scaling": data_normalization_claims.input_scaling,
    "fashion_mlp": batch_norm_before_and_after_claims.fashion_mlp,
    "fashion_mlp_published": batch_norm_before_and_after_claims.fashion_mlp_published,
    "fashion_mlp_tuned": batch_norm_before_and_after_claims.fashion_mlp_tuned,
    "norm_grid": batch_size_learning_rate_depth_claims.norm_grid,
    "vgg_learning_rate": batch_size_learning_rate_depth_claims.vgg_learning_rate,
    "vgg_parts": batch_size_learning_rate_depth_claims.vgg_parts,
    "ghost_norm": batch_size_learning_rate_depth_claims.ghost_norm,
    "depth": batch_size_learning_rate_depth_claims.depth,
    "adam_l2_adamw": weight_decay_claims.adam_l2_adamw,
    "decay_parts": weight_decay_claims.decay_parts,
    "mnist_regularization": regularization_experiments_claims.mnist_regularization,
    "mnist_penalties": regularization_experiments_claims.mnist_regularization,
    "l1_path": regularization_experiments_claims.l1_path,
    "sequences_rates": norms_for_sequences_claims.sequences_rates,
    "sequences_depth": norms_for_sequences_claims.sequences_depth,
    "lstm_rows": norms_for_sequences_claims.lstm_rows,
    "dynamic_tanh_text": norms_for_sequences_claims.dynamic_tanh_text,
    "budget_final": fifty_thousand_parameters_claims.budget_final,
    "budget_sprint": fifty_thousand_parameters_claims.budget_sprint,
}

# Lesson -> its exercises, in their order.
EXERCISES: dict[str, list[Exercise]] = {
    "01": data_normalization_exercises.EXERCISES,
    "02": why_scale_matters_exercises.EXERCISES,
    "03": signals_in_deep_networks_exercises.EXERCISES,
    "04": batch_norm_from_scratch_exercises.EXERCISES,
    "05": batch_norm_in_use_exercises.EXERCISES,
    "06": layer_group_instance_rms_norm_exercises.EXERCISES,
    "07": batch_layer_group_compared_exercises.EXERCISES,
    "08": batch_norm_before_and_after_exercises.EXERCISES,
    "09": batch_size_learning_rate_depth_exercises.EXERCISES,
    "10": why_batch_norm_helps_exercises.EXERCISES,
    "11": l1_l2_from_scratch_exercises.EXERCISES,
    "12": weight_decay_exercises.EXERCISES,
    "13": regularization_experiments_exercises.EXERCISES,
    "14": norms_for_sequences_exercises.EXERCISES,
    "15": fifty_thousand_parameters_exercises.EXERCISES,
    "16": what_holds_up_exercises.EXERCISES,
}


def findings(runs: Runs) -> list[Finding]:
    """The findings of the study that the runs are of; none without runs, or if it tests no claim.

    Judged are the seeds up to the last of the study's looks that all arms have reached. Before the first
    look, and of a study whose runs of one seed are from several machines, nothing is decided.
    """
    if not runs or runs[0]["study"] not in CLAIMS:
        return []
    study = STUDIES[runs[0]["study"]]
    mixed = any(run.get("mixed") for run in runs)
    look = 0 if mixed else study.looked(runs)
    judging = [run for run in runs if run["seed"] < look] if look else runs
    error = spent(study.looks, look) if look else None
    why = "its pairs were made on several machines" if mixed else "before the first look"
    return judged(CLAIMS[study.name](judging, study.matters), error, why)


def findings_table(runs: Runs) -> pd.DataFrame:
    """The findings as a table, one row each, by the number of the claim."""
    rows = [(f.claim, f.statement, f.measured, f.verdict) for f in findings(runs)]
    return pd.DataFrame(rows, columns=["claim", "what it says", "measured", "verdict"]).set_index("claim")
