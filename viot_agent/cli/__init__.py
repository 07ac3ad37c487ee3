"""The ``viot`` command (Typer), thin."""


def main() -> None:
    raise SystemExit("viot: not composed yet")
