"""Lesson batch_norm_in_use: what goes wrong with batch norm between training and use?"""
