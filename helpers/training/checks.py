"""What is told before the first step of a training: data, models and sizes that would stop it later."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from helpers.images.batches import Batches
from helpers.images.datasets import ImageData
from helpers.nn.layers import GhostBatchNorm2d
from helpers.training.execution import Execution


def check_images(data: ImageData, part: str) -> None:
    """Raises ValueError unless the "train" or "test" images and labels of the data are as ImageData says."""
    images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    for name, value in ((f"{part}_images", images), (f"{part}_labels", labels)):
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{name} are of type {type(value).__name__}; torch.as_tensor makes a tensor of it"
            )
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
    """Raises ValueError if parameters have no shape, or cannot be stepped, or none is there to be trained."""
    lazy = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if is_lazy(tensor)]
    if lazy:
        raise ValueError(
            f"the model has lazy parameters, which have no shape yet ({', '.join(lazy)}): pass images "
            "through it once, as in training.predict(model, data.test_images[:1], data)"
        )
    for name, p in model.named_parameters():
        shared = any(step == 0 and size > 1 for step, size in zip(p.stride(), p.shape, strict=True))
        if p.requires_grad and (shared or not p.is_floating_point()):  # a fused step would write elsewhere
            what = "has elements that share their memory (expand?)" if shared else f"is {p.dtype}"
            raise ValueError(
                f"the model's parameter {name} {what}: make it from a tensor of real numbers in memory of "
                "its own, as nn.Parameter(tensor.clone(memory_format=torch.contiguous_format))"
            )
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            "the model has no parameter that can be trained: give it one, or call requires_grad_() on those "
            "that are frozen"
        )


def classes(data: ImageData) -> int:
    """How many classes the labels of both parts need: the largest plus one."""
    return 1 + int(max(data.train_labels.max(), data.test_labels.max()))


def output(model: nn.Module, x: Tensor) -> Tensor:
    """The model's output for a batch, as float32.

    Raises:
        ValueError: it is no tensor, has no floating-point numbers, or not one entry for each image.
    """
    y = model(x)
    if not isinstance(y, Tensor) or not y.is_floating_point() or y.shape[:1] != x.shape[:1]:
        found = f"{y.dtype} {tuple(y.shape)}" if isinstance(y, Tensor) else f"of type {type(y).__name__}"
        raise ValueError(
            f"the model's output for {len(x)} images is {found}; wanted is one tensor of floating-point "
            f"logits, ({len(x)}, classes): have its forward return that alone"
        )
    return y.float()


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
    image is tried, in the mode that the model is in; with ghost batch norm, which needs batches of certain
    sizes, as many as the last batch has. Afterwards the model's buffers are as they were.
    """
    images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    last, count = len(images) % size or min(size, len(images)), 1
    if last == 1:
        reason = "the last batch is one image"
    elif any(isinstance(module, GhostBatchNorm2d) for module in model.modules()):
        reason, count = f"the last batch is {last} images", last
    elif images.shape[1:] != data.train_images.shape[1:]:
        reason = f"training images are {tuple(data.train_images.shape[1:])}"
    else:
        return
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        [(x, _)] = Batches(
            images[:count], labels[:count], data.mean, data.std, count, device=execution.device
        )
        with torch.no_grad(), execution.autocast():
            check_logits(output(model, x), count, classes(data))
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
