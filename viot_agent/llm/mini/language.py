"""Is a request in English? The embedded model reads nothing else, and what it makes of another language is a guess.

Owns the small words of some languages and the counting of them. Names of cameras, people and times do not count: they
may be in any language.
"""

from __future__ import annotations

import re
import unicodedata

from viot_agent.llm.mini.units import REQUEST, Reading

_FOREIGN = {
    "de": "wer wann wo wie wieviele viele welche welcher welches wurde wurden gestern heute morgen der die das den dem "
    "ein eine einen einem einer und oder nicht ist sind war waren hat haben ich wir ihr auf im bei zum zur von mit auf "
    "gab gibt es leute personen jemand niemand kamera gesehen zeig mir bitte uhr nacht abend",
    "es": "quien quienes cuando donde cuantas cuantos cuanta cuanto que cual como estaba estaban estuvo hay habia hubo "
    "fue ayer hoy el la los las un una unos unas y o en del al por para con alguien nadie persona personas gente "
    "visto camara muestra me favor noche tarde esta ha",
    "fr": "qui quand ou combien quel quelle quels quelles est etait etaient sont il elle y avait a hier "
    "aujourd'hui aujourd hui le la les un une des du de et au aux dans sur par avec quelqu'un personne personnes gens "
    "vu montre moi plait soir nuit matin ce cette",
    "it": "chi quando dove dov quante quanti quale quali cosa era erano stato c'era c'erano sono ieri "
    "oggi il lo la gli le un "
    "una uno e di del della nel nella sul sulla con qualcuno nessuno persona persone gente visto mostra mi stasera",
    "pt": "quem quando onde quantas quantos qual quais como estava estavam esteve foi havia ontem "
    "hoje o os as um uma e "
    "em no na nos nas do da dos das por para com alguem ninguem pessoa pessoas gente visto mostre camera noite tarde",
    "nl": "wie wanneer waar hoeveel welke was waren is zijn gisteren vandaag de het een en of niet op in bij van met "
    "iemand niemand mensen personen gezien toon laat zien avond nacht er",
    "pl": "kto kiedy gdzie ile ktory ktora ktore byl byla bylo byli wczoraj dzisiaj jest sa na w z "
    "i lub nie czy osob ludzi",
    "tr": "kim kimler ne zaman nerede kac hangi vardi var mi dun bugun bir ve ile kisi insan kimse",
}
_ENGLISH = frozenset(
    "a about above after again all am an and any anyone anybody are as at be been before below "
    "between both but by came "
    "can could come did do does down during each every everyone find for from get give had has have he her here him "
    "his how i if in is it its just last let list many me more most much my near no nobody not now of off on or our "
    "out over past people person persons please seen see she show since so some someone somebody tell than that the "
    "their them then there these they this those through till to today tonight under until up us was we were what "
    "when where which who whom whose why will with would yesterday you your camera cameras count check look video "
    "clip save export name order die man men war gate door car plate also pan mid son sat come no none e o y".split()
)
_SLIPS = frozenset("er w al en um ha van est op ve mi z per in ne".split())  # also fillers and slips of English writers
_KNOWN = {
    code: frozenset(w for w in words.split() if len(w) > 1) - _ENGLISH - _SLIPS for code, words in _FOREIGN.items()
}
_ASKING = frozenset(
    "wer wann wieviele jemand gestern quien quienes donde cuantas cuantos alguien ayer combien quelqu'un hier quanti "
    "quante ieri chi quem quantas quantos alguem ontem hoeveel wanneer iemand gisteren kto kiedy gdzie wczoraj qui "
    "quand dov onde waar nerede".split()
)
_ACCENTED = frozenset("où qué dónde cuándo cómo é está".split())
"""Asking, or saying "is", with their accents alone: without them they are English slips."""
_WHERE_IS = re.compile(r"\bou\s+(?:est|sont|etait|etaient)\b")
_CONTRACTED = re.compile(r"(?:'(?:s|re|ve|ll|d|m)|n't)$")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def foreign(reading: Reading) -> bool:
    """Whether the request's own words are of another language than English."""
    said = [
        u.value
        for u in reading.units
        if u.segment == REQUEST and not u.virtual and (not u.marked or ("unknown" in u.kinds and " " not in u.value))
    ]
    letters = [c for word in said for c in word if c.isalpha()]
    strange = [c for c in letters if "LATIN" not in unicodedata.name(c, "")]
    if letters and len(strange) * 2 > len(letters):
        return True
    written = _WORD.findall(" ".join(said))
    # a capital within the request is somebody's name ("find Dov"), and of two letters or more
    written = [w for i, w in enumerate(written) if not i or not w.istitle() or len(w) == 1]
    words = [_plain(w) for w in written]
    english = sum(w in _ENGLISH or _CONTRACTED.sub("", w) in _ENGLISH for w in words)
    other = max(sum(w in known for w in words) for known in _KNOWN.values())
    asking = any(w in _ASKING for w in words) or any(
        unicodedata.normalize("NFC", w.casefold()) in _ACCENTED for w in written
    )
    asking = asking or _WHERE_IS.search(" ".join(words)) is not None
    return (other > english and (other > 1 or asking)) or (asking and other == english)


def _plain(word: str) -> str:
    """Without case and accents."""
    cut = unicodedata.normalize("NFD", word.casefold().replace("’", "'"))
    return "".join(c for c in cut if not unicodedata.combining(c))
