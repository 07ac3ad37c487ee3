"""LoRA instruction tuning of causal language models on the agent's own conversations.

``conversation`` turns authored examples into the messages that serving builds, ``dataset`` makes tokens with a loss
mask of them, ``packing`` blocks; ``presets`` are the recipes, ``train`` runs one, ``merge`` exports it, ``evaluate``
decodes on the serving path, ``base`` pretrains a small base (on ``texts``), ``proof`` prints the table over them all.
"""
