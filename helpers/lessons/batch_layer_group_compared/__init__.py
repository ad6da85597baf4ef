"""Lesson batch_layer_group_compared: which norm wins on CIFAR-10?"""
