"""The chat in the browser: a Gradio page over one ``VIOT_HOME``, with routes of our own beside it for media.

Composition and presentation only. What a request does is ``viot_agent.system``'s, what is kept is the library's.
Nothing is imported here: Gradio costs seconds.
"""
