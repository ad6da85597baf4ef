"""Lesson batch_size_learning_rate_depth: when does each norm break?"""
