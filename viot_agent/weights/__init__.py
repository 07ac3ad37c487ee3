"""Which model file serves which tool: manifest, tiers, checksums, licences.

Three tiers, never silent. ``builtin`` files ship in a dependency's wheel (or in ours) and work offline on a bare
machine; ``hub`` files are fetched once by ``viot models pull`` (pinned revision, sha256, licence shown) into
``VIOT_HOME/models``; ``remote`` models are served elsewhere and have no file. A directory ``VIOT_MODELS`` stands in for
the hub: it holds the same files under the manifest's names. A missing file is an error with the command that fixes it,
never a quiet change of tier.

Which tier is in force: ``VIOT_TIER`` if set; else *hub* as soon as ``VIOT_MODELS`` is set or any hub file was pulled
(then every hub file must be there); else *builtin*. Commands print the tier they use.

Owns manifest and files. Does not know how a model is run.
"""

from viot_agent.weights.store import Entry, Weights, default_home

__all__ = ["Entry", "Weights", "default_home"]
