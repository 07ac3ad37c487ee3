"""The embedded language model ``mini``: a MiniLM encoder under a small pointer-copy decoder, run without torch.

``model.MiniChat`` is the LangChain chat model; the other modules are its parts, one idea each: ``assets`` (files and
checksums), ``units`` (what can be pointed at), ``grammar`` (what may be written next), ``encoder_graph`` and
``encoder`` (MiniLM in ONNX Runtime), ``decoder`` (NumPy), ``planner`` (one step of a run), ``words`` (symbols to
sentences).
"""
