"""Lesson regularization_experiments: do L1 and L2 help a normalized network?"""
