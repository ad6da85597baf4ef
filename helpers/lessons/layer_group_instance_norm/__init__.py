"""Lesson layer_group_instance_norm: which axes, how many statistics, how many parameters?"""
