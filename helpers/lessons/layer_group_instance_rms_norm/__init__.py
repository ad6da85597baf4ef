"""Lesson layer_group_instance_rms_norm: which axes, how many statistics, how many parameters?"""
