"""Protocols of face verification and identification: pairs in, figures out.

``folds`` (the ten folds of LFW), ``roc`` (true accepts at a false-accept rate), ``templates`` (sets of pictures, 1:1
and 1:N), ``layouts`` (published pair lists), ``pairs`` (lists of our own), ``align`` and ``recognisers`` (from pictures
to vectors), ``people`` (intervals over people), ``robust`` (scores for faces behind masks).
"""
