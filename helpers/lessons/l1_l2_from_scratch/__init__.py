"""Lesson l1_l2_from_scratch: what do penalties do to weights, and what are they for?"""
