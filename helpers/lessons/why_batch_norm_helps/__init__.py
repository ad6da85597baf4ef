"""Lesson why_batch_norm_helps: less drift, a smoother loss, noise, or the norm of the weights?"""
