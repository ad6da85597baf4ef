"""Lesson layer_group_instance_rms_norm: which axes, how many statistics, what is left of a vector?"""
