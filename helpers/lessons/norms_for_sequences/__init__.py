"""Lesson norms_for_sequences: batch norm for vision, layer norm for language: is it so, and why?"""
