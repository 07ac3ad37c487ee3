"""One constructor for all face backbones, and their files: safetensors with the name and the options inside.

Owns the list of names. Does not know how a network is trained or what its vectors are compared with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viot_agent.errors import NameFault, UserFault
from viot_agent.foreign import read_json
from viot_tools.faces.nets.base import Body, FaceNet, Options
from viot_tools.faces.nets.dlib_resnet import CHIP, DlibOptions, DlibResnet
from viot_tools.faces.nets.face_transformer import PATCHES, FaceTransformer, PixelMajorOptions, TransformerOptions
from viot_tools.faces.nets.inception_resnet import InceptionOptions, InceptionResnet
from viot_tools.faces.nets.ir import Ir, IrOptions
from viot_tools.faces.nets.mobilefacenet import MobileFaceNet, MobileFaceNetOptions
from viot_tools.tensors import check_fit, read_tensors, save_tensors

FORMAT = "viot-facenet-1"
_RESERVED = ("format", "network", "options")


@dataclass(frozen=True, slots=True)
class _Kind:
    options: type[Options]
    body: Callable[[Any], Body]


def _transformer(name: str) -> Callable[[TransformerOptions], Body]:
    return lambda options: FaceTransformer(options, *PATCHES[name])


_KINDS: Mapping[str, _Kind] = {
    "ir50": _Kind(IrOptions, lambda o: Ir(o, squeeze=False)),
    "se-ir50": _Kind(IrOptions, lambda o: Ir(o, squeeze=True)),
    "mobilefacenet": _Kind(MobileFaceNetOptions, MobileFaceNet),
    "inception-resnet-v1": _Kind(InceptionOptions, InceptionResnet),
    "vit-p8s8": _Kind(PixelMajorOptions, _transformer("vit-p8s8")),
    "vit-p10s8": _Kind(TransformerOptions, _transformer("vit-p10s8")),
    "vit-p12s8": _Kind(TransformerOptions, _transformer("vit-p12s8")),
    "dlib_resnet": _Kind(DlibOptions, DlibResnet),
}
NAMES = tuple(_KINDS)


def backbone(name: str, *, seed: int = 0, **options: Any) -> FaceNet:
    """A network with fresh weights, in training mode; the same ``seed`` gives the same weights.

    ``options`` are fields of the architecture's options (``options_of(name)``): ``scaling`` of pixels, block counts,
    widths, ``dropout``. Raises NameFault for an unknown name, option or choice, listing the right ones; UserFault for
    an option of the wrong kind or out of range.
    """
    kind = _kind(name)
    checked = kind.options.read(options)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        body = kind.body(checked)
    size = CHIP if isinstance(checked, DlibOptions) and checked.crop == "chip" else 112
    return FaceNet(name, checked, body, size=size)


def options_of(name: str) -> dict[str, Any]:
    """Every option of ``name`` and its default. Raises NameFault for an unknown name."""
    return _kind(name).options().plain()


def save_net(net: FaceNet, path: Path, **card: str) -> None:
    """Writes weights, name, options and the ``card`` (any texts: licence, data, command) to one safetensors file,
    whole or not at all. Raises UserFault where it cannot be written or a card entry is no text."""
    for key, value in card.items():
        if key in _RESERVED or not isinstance(value, str):
            raise UserFault(f"card entry {key} is {value!r}", fix=f"a text, under another name than {_RESERVED}")
    metadata = {**card, "format": FORMAT, "network": net.name, "options": json.dumps(net.options, sort_keys=True)}
    save_tensors(net.body.state_dict(), path, metadata)


def load_net(path: Path) -> FaceNet:
    """The network of :func:`save_net`, in evaluation mode, its ``card`` with it.

    Raises WeightsMissing when there is no file, UserFault when it is none of ours or damaged, NameFault when it names
    a network or an option that this version does not have.
    """
    tensors, metadata = _read(path)
    if metadata.get("format") != FORMAT:
        raise UserFault(f"{path} is no face network saved by viot", fix="use a file that save_net wrote")
    try:
        options = read_json(metadata["options"])
        name = metadata["network"]
    except (KeyError, json.JSONDecodeError) as error:
        raise UserFault(f"{path} has a damaged header: {error}", fix="use a file that save_net wrote") from error
    if not isinstance(options, dict) or {"name", "seed"} & options.keys():  # no options, but words of `backbone`
        raise UserFault(f"{path} has a damaged header", fix="use a file that save_net wrote")
    with torch.device("meta"):  # shapes first: a header that lies must not fill the memory
        _check(backbone(name, **options), tensors, path)
    net = backbone(name, **options)
    _fill(net, tensors, path)
    net.card = {k: v for k, v in metadata.items() if k not in _RESERVED}
    return net.eval()


def load_state(net: FaceNet, path: Path) -> FaceNet:
    """Fills ``net`` with the bare state of its body (a safetensors file of others, whose names are the body's) and sets
    evaluation mode. Raises WeightsMissing, or UserFault when a name or a shape does not fit."""
    _fill(net, _read(path)[0], path)
    return net.eval()


def load_foamliu(path: Path) -> FaceNet:
    """The supplied ``mobilefacenet.safetensors`` of github.com/foamliu/MobileFaceNet (Apache-2.0; ArcFace loss), 128-d.
    Raises as :func:`load_state`."""
    return load_state(backbone("mobilefacenet", variant="foamliu", scaling="imagenet"), path)


def _kind(name: str) -> _Kind:
    if name not in _KINDS:
        raise NameFault(f"there is no backbone {name!r}", name=name, nearest=NAMES, fix=f"one of: {', '.join(NAMES)}")
    return _KINDS[name]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    return read_tensors(path, fix="give the path of a safetensors file")


def _check(net: FaceNet, tensors: Mapping[str, Tensor], path: Path) -> None:
    what = f"{net.name} with {net.options}"
    check_fit(net.body.state_dict(), tensors, path, what, fix="give the options it was made with")


def _fill(net: FaceNet, tensors: Mapping[str, Tensor], path: Path) -> None:
    _check(net, tensors, path)
    net.body.load_state_dict(dict(tensors))
