"""Number plates in text: one normal form, and telling a plate from other words with digits.

Knows no country's full rules, no cameras and no times beyond what looks like one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from viot_agent.fleet.words import fold, is_unspaced

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领港澳学警"
SHORTEST, LONGEST = 4, 10
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "CJK", "HANGUL", "HIRAGANA", "KATAKANA", "HEBREW", "THAI")
_NUMBERED_WORDS = frozenset(
    "cam camera cams cctv ch ptz nvr unit view gate dock door bay hall lift lane ramp exit pier yard room level "
    "floor deck zone area block site row lot pod way bus stop car van image video clip poses run e no nr number "
    "mp img dsc".split()
)
_TIME_LIKE = re.compile(
    r"""^(?: \d{1,2}[:.h]\d{2}(?::\d{2})?\s*(?:[ap]\.?m\.?|h|z|hrs|hours)? | \d{1,2}\s*[ap]\.?\s*m\.?
        | \d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?(?:t[\d:.+z-]*)? | \d+(?:st|nd|rd|th) | \d{1,2}-\d{1,2}\s*[ap]m
        | \d+(?:\.\d+)?\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?|k|km|kg|
          cm|mm|mb|gb|fps|px|p|hz|x|%) )$""",
    re.VERBOSE | re.IGNORECASE,
)


def normalise_plate(text: str) -> str:
    """Letters and digits only, in upper case; full-width forms and digits of any script become plain."""
    out = []
    for c in unicodedata.normalize("NFKC", text).upper():
        if unicodedata.category(c) == "Nd":
            out.append(str(unicodedata.decimal(c)))
        elif c.isalnum():
            out.append(c)
    return "".join(out)


def looks_like_plate(token: str, taken: Collection[str] = ()) -> bool:
    """Whether ``token`` (which may hold spaces and hyphens) can be a plate.

    It has letters and digits, 4 to 10 of them, and is no time, date, amount or numbered word ("gate-22", "cam 3").
    ``taken`` holds normalised forms (:func:`normalise_plate`) that are something else: the names of cameras.
    """
    plate = normalise_plate(token)
    if not SHORTEST <= len(plate) <= LONGEST or plate in taken:
        return False
    if not any(c.isdigit() for c in plate) or not any(c.isalpha() for c in plate):
        return False
    text = unicodedata.normalize("NFKC", token).strip()
    if _TIME_LIKE.match(text) or _TIME_LIKE.match(plate):
        return False
    if any(c.isalpha() and not unicodedata.name(c, "").startswith(_SCRIPTS) for c in plate):
        return False
    if sum(is_unspaced(c) for c in plate) > 2:
        return False
    pieces = re.findall(r"[^\W\d_]+", text)
    numbered = fold(pieces[0]) in _NUMBERED_WORDS and not re.match(r"\w-[^\W\d]", text)
    if numbered and text[0].isalpha() and not (text.isupper() and len(pieces) > 1):
        return False
    # words are longer than the letters of a plate; capitals may join two groups (HHAB 123)
    longest = max(len(p) for p in pieces)
    return longest <= (5 if text.upper() == text else 3)


_CHINESE = re.compile(rf"[{PROVINCES}]\s?[A-Za-z]\s?[·・.\- ]?\s?[A-Za-z0-9]{{4,6}}[学警港澳挂]?(?![A-Za-z0-9])")
_PIECE = re.compile(r"[^\W_]+(?:[-·・.‐‑–][^\W_]+)*")
_AMOUNT = (
    r"\s*(?:[:./-]\d|%|(?:[ap]\.?m|o.clock|noon|midnight|uhr|h|hrs?|hours?|min(?:s|utes?)?|s|sec(?:s|onds?)?|"
    r"days?|weeks?|months?|years?|nights?|times|(?:other )?(?:people(?! carrier)|persons|cars|vehicles|vans)|"
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"may(?! (?:have|be|leave|come|go|get|not|pass|enter|return|show|turn|still|also|well))|"
    r"nov(?:ember)?|dec(?:ember)?|(?:to|till|until|and|or) \d+|in the (?:morning|afternoon|evening))\b)"
)
"""What makes an hour, a date or an amount of the number before it, and no region of a plate."""
_NO_LETTERS = r"(?:am|pm|hr|(?<=1\s)st|(?<=2\s)nd|(?<=3\s)rd|th|ft|kg|km|cm|mm|mb|gb|vs|ok|go|ex|eh|ah|oh|uh|um|er)"
"""Pairs that stand between two numbers and are no plate's."""
# written with spaces, in any one case: UK, German, Indian, Russian, French, Turkish; three letters and a number where
# they are no word (``_SHORT_WORDS``)
_SPACED = tuple(
    re.compile(rf"(?<![\w-]){form}(?![\w-])", re.IGNORECASE)
    for form in (
        r"[a-z]{2}\d{2}\s[a-z]{3}",
        r"[a-zäöü]{1,3}[-\s][a-z]{1,2}\s?\d{1,4}[eh]?",
        r"mh\s?\d{1,2}\s?[a-z]{1,3}\s?\d{4}",
        r"[а-я]\s?\d{3}\s?[а-я]{2}\s?\d{2,3}",
        rf"[a-z]\d{{3}}[a-z]{{2}}\s\d{{2,3}}(?!{_AMOUNT})",
        r"[a-z]{2}\s\d{3}\s[a-z]{2}",
        rf"[a-z]{{3}}\s\d{{3,4}}(?!{_AMOUNT})",
        r"\d{3,4}\s[a-z]{3}",
        rf"\d{{2}}\s(?!{_NO_LETTERS}\s)[a-z]{{2}}\s\d{{2}}(?!{_AMOUNT})",
    )
)
_SHORT_WORDS = frozenset(
    "abe abt abu abv ace ach act add adn aed aft age agm ago aha aid ain air ali all amy ana and any app apr apt arc "
    "are arm arr art ash ask ate atm att aug aye bad bag bah bak ban bar bat bay bbq bed bee bef beg ben bet bib bid "
    "big bin bit bob boo bot bow box boy bro bst btw bug bum bun bus but buy bye cab cal cam can cap car cat ceo cet "
    "chf chk cna cnt cny cod com cos cow coz cry cud cue cup cut dad dan day dec ded deg dem den dep dey did die dig "
    "dim dip dis doc dog don dor dos dot dpi dpo dry due dug duh dvd dye ear eat edt egg ehm elf els end ere erm err "
    "est eta etd eur eva eve evn evt ewe exp ext eye fag fan far fat fax fay feb fed fee few ffp ffs fit fix flu fly "
    "fog foi for fox fri frm fro fun fur fwd fyi gap gas gbp get gig gil gin giv gmt gob god got gun gus gut guy gym "
    "had hal ham has hat hav hay hed hen her hes hey hid him hip his hit hiz hmm hob hog hoo hop hot how hrs hse hug "
    "huh hum hun hut hwo ian ibn ice icy ida idk iii ike ill img ink inn inr ins ish isn ist ito its ive ivy jam jan "
    "jar jet jim job joe jog jon jot joy jpg jpy jst jul jun jus kay ken kev key kid kim kip kit kms kno kph lab lad "
    "lap law lay led lee leg leo les let lid lie lik lil lin lip lit liz lmk log lol loo lot lou low lss luk luv lux "
    "mac mad mak man map mar mat max may meg mel men met mhz mia mic mid min mix mob moe mon mop mor mot mph mrs msg "
    "mst mud mug mum nag nah nan nap naw nay ned neg net new nia nil nip nod non nor not nov now nut nvm oak oat oba "
    "obv oct odd oer off oga oil old omg one onn ony ooh oot ops opt orr our out ovr owe owl own owt pad pal pam pan "
    "pat pax pay pdf ped pee peg pen per pet pew pfp pic pie pig pin pip pit pls plz png pop pos pot ppe ppl pre pro "
    "psi pst pub pug put qty rag ram ran rat raw ray rec red ref reg rep rex rib rid rig rip rly rob rod ron row roy "
    "rpm rub rug rum run sad sal sam sar sat saw say sea sec sed see sep set sew sez sga sgt she shh shy sid sir sis "
    "sit six ski sku sky sms sod son soz spa spy sry sth sub sue sum sun sus suv tab tag tan tap tax tdy tea ted tee "
    "teh tel ten tha the thm thn tho ths tht thu thx tie til tim tin tip toe tok tom too top tot tow toy try tue tug "
    "two txt ugh uhm una und uns upp ups urn usb usd use usr utc ute vac val van vat veg veh vet via vic vid vip vis "
    "viz vol von wag war was wat wax way web wed wee wen wer wes wet who why wig win wiv wok won wos wot woz yea yep "
    "yer yes yet yon you yst zac zar zip zoe".split()
)
"""Three letters that are a word in requests, so that beside a number they make no plate."""
_RUSSIAN = re.compile(r"[a-z]\d{3}[a-z]{2}\s\d{2,3}", re.IGNORECASE)
_HOUR = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d\s")
_HOURS = re.compile(r"(?:[01]\d|2[0-4])\s[a-z]{2}\s(?:[01]\d|2[0-4])", re.IGNORECASE)
_TIME_BEFORE = re.compile(r"\b(?:at|by|since|before|after|until|till?|around|between)\s+$", re.IGNORECASE)
_RANGE_BEFORE = re.compile(
    r"\b(?:at|since|until|till?|around|between|from|entre|tussen|zwischen|von|de|dalle|od)\s+$", re.IGNORECASE
)
_SOUNDED = re.compile(r"(?=.*[aeiouy])(?:[a-z]{3}\s\d{3,4}|\d{3,4}\s[a-z]{3})", re.IGNORECASE)
_OF_A_VEHICLE = re.compile(
    r"(?:^|[.,:;!?(]|\b(?:plates?|regs?|rego|registrations?|number|tags?|vehicles?|cars?|vans?|trucks?|lorry|artic|taxi|"
    r"cab|coach|bus|trailer|jeep|(?:motor)?bike|moped|motor|gritter|pickup|is|was|it|has|had|did|does|where'?s|and|or|that|"
    r"when|if|"
    r"unless|for|of|on|lead|report|spot(?:s|ted)?|see|seen|find|track|trace|called|from|after|about|with|haul(?:ed)?|"
    r"tow(?:ed)?|buy|sold|drives?|drove|my|his|her|the|this|pltae))\s*$",
    re.IGNORECASE,
)
"""What a plate that could be read as a word follows."""
_CAPITALS = re.compile(r"[A-Z]{2}\s\d{3}\s[A-Z]{2}|\d{2}\s[A-Z]{2}\s\d{2}")
_SMALL = frozenset(
    "a i an at in on is it to of or by be do he if me my no so up us we and the was has had are did for not can "
    "who how any all out now see saw get got car van bus her him his its let may new old one our put say she six "
    "ten two too use way yes yet you day end far few ask per via pm am with from near plate reg has than then "
    "that this what when over cam bay lot row dock gate exit lift hall ramp yard door lane pier "
    "ppl pcs hrs yrs mph kph pts sqm pls thx".split()
)


def find_plates(text: str, taken: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Character spans in ``text`` that look like plates, longest first at each place; they may overlap."""
    shouting = text.upper() == text
    for found in _CHINESE.finditer(text):
        yield found.span()
    for pattern in _SPACED:
        for found in pattern.finditer(text):
            if (
                _one_case(found[0])
                and not _ordinary(found[0], capitals=not shouting and _CAPITALS.fullmatch(found[0]) is not None)
                and not _hours(found[0], text[max(0, found.start() - 40) : found.start()])
                and looks_like_plate(found[0], taken)
            ):
                yield found.span()
    pieces = list(_PIECE.finditer(text))
    for i, first in enumerate(pieces):
        for n in (4, 3, 2, 1):
            run = pieces[i : i + n]
            if len(run) < n:
                continue
            start, end = first.start(), run[-1].end()
            stretch = text[start:end]
            if n > 1 and (not _joins([p[0] for p in run], stretch, shouting) or _measured(run[-1], text)):
                continue
            if looks_like_plate(stretch, taken):
                yield start, end
                break


_MEASURED = re.compile(_AMOUNT, re.IGNORECASE)


def _measured(last: re.Match[str], text: str) -> bool:
    """Whether a stretch ends in a number that something else is counted or timed by ("4338 MLS 90 days ago")."""
    return last[0].isdigit() and _MEASURED.match(text, last.end()) is not None


def _one_case(stretch: str) -> bool:
    return stretch in (stretch.upper(), stretch.lower())


def _hours(stretch: str, before: str) -> bool:
    """Whether numbers that could be a plate's are of a time ("before 1315 rly", "from 10 ti 12"), or letters with a
    vowel stand where no plate would ("flight arr 1430")."""
    if _HOUR.match(stretch) and _TIME_BEFORE.search(before):
        return True
    if _HOURS.fullmatch(stretch) and _RANGE_BEFORE.search(before):
        return True
    return _SOUNDED.fullmatch(stretch) is not None and not _OF_A_VEHICLE.search(before)


def _ordinary(stretch: str, *, capitals: bool) -> bool:
    """Whether a letter group is a common word ("car wc 313"). Indian plates have room for some ("MH 28 BY"), and so
    have letters on both sides of digits ("A933BM 14"), one before a hyphen ("a-yl 5484"), and ``capitals`` among small
    letters ("US 705 SK")."""
    words = [fold(w) for w in re.findall(r"[^\W\d_]+(?!-(?<=\b\w-))", stretch)]
    if not words or words[0] == "mh" or _RUSSIAN.fullmatch(stretch):
        return False
    if len(words) == 1 and len(stretch.split()) == 2 and words[0] in _SHORT_WORDS:
        return True
    rare = capitals and any(w not in _SMALL for w in words)
    return any((w in _SMALL and not (rare and len(w) == 2)) or w in _NUMBERED_WORDS for w in words)


def _joins(run: list[str], stretch: str, shouting: bool) -> bool:
    """Whether pieces side by side may be one plate: capitals and digits, one space apart, no ordinary words."""
    if len(stretch) != sum(map(len, run)) + len(run) - 1 or not stretch.replace(" ", "").replace("-", "").isalnum():
        return False
    if any(p.upper() != p or len(p) > 5 or fold(p) in _SMALL or fold(p) in _NUMBERED_WORDS for p in run):
        return False
    if any(is_unspaced(c) for c in stretch):
        return False
    if len(run) > 2 and any(len(p) > 3 and p.isalpha() for p in run):
        return False  # "58 KD 84 GONE"
    numbers = sum(p.isdigit() for p in run)
    return (not shouting and numbers <= 2) or all(any(c.isdigit() for c in p) or len(p) <= 3 for p in run)
