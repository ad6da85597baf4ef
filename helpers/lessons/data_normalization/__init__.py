"""Lesson data_normalization: does rescaling the input help, and can it be undone?"""
