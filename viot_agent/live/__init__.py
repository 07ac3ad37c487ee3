"""Live cameras: read a stream, record it in short files, look at each as ``viot index`` would, and say how it goes.

``watch`` composes the rest: ``address`` and ``stream`` (what is read), ``stamps`` (the clock), ``recorder`` and
``ring`` (what is kept), ``camera`` (one camera's thread), ``backlog``, ``ladder`` (what happens under overload),
``looker`` (into the library), ``health`` and ``metrics`` (how it goes).
"""
