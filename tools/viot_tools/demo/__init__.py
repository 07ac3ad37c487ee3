"""``viot demo``: a small fleet made on the spot, indexed and asked, on a bare machine with no network.

``figures`` and ``scenes`` paint, ``footage`` scripts the clips and knows the truth, ``asking`` holds the requests and
how an answer is judged, ``report`` prints and draws the contact sheet, ``command`` is the command.
"""
