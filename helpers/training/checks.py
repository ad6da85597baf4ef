"""What is told before the first step of a training: data, models and sizes that would stop it later."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from helpers.images.batches import Batches
from helpers.images.datasets import ImageData
from helpers.training.execution import Execution


def check_images(data: ImageData, part: str) -> None:
    """Raises ValueError unless the "train" or "test" images and labels of the data are as ImageData says."""
    images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    channels = data.train_images.shape[1:2]
    if (
        images.dtype != torch.uint8
        or images.dim() != 4
        or not images.numel()
        or images.shape[1:2] != channels
    ):
        raise ValueError(
            f"{part}_images are {images.dtype} {tuple(images.shape)}; wanted uint8 (N, C, H, W), one "
            "image at least, with as many channels as the training images"
        )
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{part}_labels are {labels.dtype} {tuple(labels.shape)} for {len(images)} images; wanted int64, "
            "one for each"
        )
    low, high, classes = int(labels.min()), int(labels.max()), len(data.class_names)
    if low < 0 or high >= classes:
        raise ValueError(
            f"{part}_labels are from {low} to {high}, but data.class_names has {classes} names; number the "
            f"classes from 0 to {classes - 1}"
        )


def check_model(model: nn.Module) -> None:
    """Raises ValueError if the model has parameters without a shape, or none that can be trained."""
    lazy = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if is_lazy(tensor)]
    if lazy:
        raise ValueError(
            f"the model has lazy parameters, which have no shape yet ({', '.join(lazy)}): pass images "
            "through it once, as in training.predict(model, data.test_images[:1], data)"
        )
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            "the model has no parameter that can be trained: give it one, or call requires_grad_() on those "
            "that are frozen"
        )


def classes(data: ImageData) -> int:
    """How many classes the labels of both parts need: the largest plus one."""
    return 1 + int(max(data.train_labels.max(), data.test_labels.max()))


def check_logits(logits: Tensor, images: int, classes: int) -> None:
    """Raises ValueError unless a model's output for so many images has a logit for each of the classes."""
    if logits.dim() != 2 or len(logits) != images or logits.shape[1] < classes:
        raise ValueError(
            f"the model's output for {images} images has shape {tuple(logits.shape)}; wanted is a logit for "
            f"each class, ({images}, {classes}) or wider, because labels go up to {classes - 1}"
        )


def check_one(model: nn.Module, data: ImageData, part: str, size: int, execution: Execution) -> None:
    """Raises ValueError if the model cannot take what comes at the end of an epoch, in batches of this size.

    The last batch may be one image, on which modules fail that need several, for statistics over the batch or
    because they squeeze(); test images may have another size than those for training. In these two cases one
    image is tried, in the mode that the model is in. Afterwards the model's buffers are as they were.
    """
    images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    if (len(images) % size or size) == 1:
        reason = "the last batch is one image"
    elif images.shape[1:] != data.train_images.shape[1:]:
        reason = f"training images are {tuple(data.train_images.shape[1:])}"
    else:
        return
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        [(x, _)] = Batches(images[:1], labels[:1], data.mean, data.std, 1, device=execution.device)
        with torch.no_grad(), execution.autocast():
            check_logits(model(x), 1, classes(data))
    except Exception as error:
        raise ValueError(
            f"the model cannot take {part}_images of shape {tuple(images.shape)} in batches of {size}: "
            f"{reason}. {type(error).__name__}: {str(error).rstrip('.')}. Choose another batch size, "
            "images or model."
        ) from error
    finally:
        for name, buffer in model.named_buffers():
            if name in buffers:
                buffer.data = buffers[name]
