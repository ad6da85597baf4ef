"""Lesson l1_l2_from_scratch: what do the two penalties do to weights, and is weight decay the same thing?"""
