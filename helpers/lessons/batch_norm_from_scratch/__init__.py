"""Lesson batch_norm_from_scratch: what exactly does batch norm compute, forward and backward?"""
