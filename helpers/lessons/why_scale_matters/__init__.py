"""Lesson why_scale_matters: why does an unequal scale slow gradient descent down?"""
