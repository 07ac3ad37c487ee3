"""Programs as one line of text, for people and for tests. Owns the notation; reads nothing back."""

from __future__ import annotations

from viot_tools.qa.program import Has, Pick, Program, Relation, Unparsed


def readable(parsed: Program | Unparsed) -> str:
    """``count: person carrying=backpack enters after(vehicle van colour=white, end)``; of what is not parsed, why."""
    if isinstance(parsed, Unparsed):
        return f"cannot be parsed: {parsed.reason}"
    ask = f"{parsed.ask} {parsed.attribute}".strip()
    parts = [f"{ask}: {' | '.join(map(pick_text, parsed.picks))}"]
    if parsed.edge != "start":
        parts.append(f"edge {parsed.edge}")
    if parsed.by != "count":
        parts.append(f"by {parsed.by}")
    if parsed.fewest:
        parts.append("fewest")
    if parsed.value:
        parts.append(f"claim {parsed.value}")
    if parsed.options:
        parts.append(f"options {', '.join(parsed.options)}")
    return "; ".join(parts)


def pick_text(pick: Pick) -> str:
    """``person sex=male carrying!=bag running second``."""
    words: list[str] = [pick.name or pick.kind, "/".join(pick.labels)]
    words += [_has(h) for h in pick.attributes]
    words += ["/".join(pick.doing), pick.motion]
    words.append(f"having been {'/'.join(pick.after_doing)}" if pick.after_doing else "")
    least, most = pick.stay
    words += [f">={least:g}s" if least is not None else "", f"<={most:g}s" if most is not None else ""]
    words.append(pick.which if pick.which != "all" else "")
    words.append(f"#{pick.number}" if pick.number is not None else "")
    words.append(f"@{pick.place}" if pick.place else "")
    words.append(f"by the {pick.side}" if pick.side else "")
    words.append(f"who did {'/'.join(pick.known_by)}" if pick.known_by else "")
    words.append(f"of {pick.heads}" if pick.heads is not None else "")
    words.append(f"on {'+'.join(pick.cameras)}" if pick.cameras else "")
    words += [_relation(r) for r in pick.when]
    return " ".join(w for w in words if w)


def _has(has: Has) -> str:
    return f"{has.attribute}{'!=' if has.no else '='}{'/'.join(has.values) or 'any'}"


def _relation(relation: Relation) -> str:
    inside = [pick_text(relation.anchor) if relation.anchor is not None else relation.clock]
    if relation.edge == "end":
        inside.append("end")
    if relation.within is not None:
        inside.append(f"within {relation.within:g}s")
    if relation.next:
        inside.append("next")
    return f"{relation.how}({', '.join(inside)})"
