"""Cloaks: additive masks that keep a face from being recognised, and the measures of how well they do it.

Nothing is imported here: the modules need PyTorch, and ``viot ask`` must not pay for it.
"""
