"""How the page looks, with nothing from elsewhere: a theme with the system's own fonts, our style, our script.

Owns theme, style sheet and the script's tag. The style and the script themselves are ``static/``'s.
"""

from __future__ import annotations

import html
from typing import Any

from viot_agent.web.media import page_file
from viot_agent.web.options import Options

_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

_TITLE = """<h1>VIoT Agent</h1>
<p>Ask your cameras in plain words. Every answer shows its evidence, or says that it cannot tell.</p>"""
HEADER = f'<header class="viot-header">{_TITLE}</header>'
SHELL = f"""<div id="viot-shell"><header class="viot-header">{_TITLE}</header>
<p role="status">Opening the page…</p></div><noscript><p>This page needs JavaScript.</p></noscript>"""


def theme() -> Any:
    """Gradio's base theme in our colours. Fonts are names only: Gradio's own themes fetch theirs."""
    import gradio as gr

    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.slate,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=_SANS,
        font_mono=_MONO,
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*primary_700",
        body_background_fill="*neutral_50",
        block_label_text_color="*neutral_600",
    )


def head(options: Options) -> str:
    """Style and script of the page. What the script must know of the server rides on its tag."""
    prefix = html.escape(options.root_path, quote=True)
    return (
        f"<style>{page_file('viot.css').read_text('utf-8')}</style>"
        f'<script id="viot-script" src="{prefix}/media/page/viot.js" data-prefix="{prefix}" '
        f'data-max-mb="{options.max_upload_mb}" defer></script>'
    )
