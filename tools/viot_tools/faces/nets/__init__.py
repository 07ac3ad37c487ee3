"""Backbones of face recognition in PyTorch: one constructor, files in safetensors, pixels of 0..255 in, vectors out.

``backbone(name, **options)`` makes a fresh one, ``load_net`` / ``save_net`` read and write ours, ``load_foamliu`` and
``load_dlib`` read those of others. Importing this package imports torch: do it where a network is needed.
"""

from viot_tools.faces.nets.base import SCALINGS, FaceNet
from viot_tools.faces.nets.build import NAMES, backbone, load_foamliu, load_net, load_state, options_of, save_net
from viot_tools.faces.nets.dlib_resnet import load_dlib
from viot_tools.faces.nets.sizes import Size, count_macs, count_parameters, size_of, size_table

__all__ = [
    "NAMES",
    "SCALINGS",
    "FaceNet",
    "Size",
    "backbone",
    "count_macs",
    "count_parameters",
    "load_dlib",
    "load_foamliu",
    "load_net",
    "load_state",
    "options_of",
    "save_net",
    "size_of",
    "size_table",
]
