"""Lesson batch_norm_before_and_after: what did batch norm add to the Fashion-MNIST MLP?"""
