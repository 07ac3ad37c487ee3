"""Words of questions: what people call things, clothes, colours, movements, and how they say what they want to know.

Phrases are written once a line; ``(a|b|)`` is a choice, ``^come`` stands for all forms of a verb. What a tag means is
said where it is used (``parse_picks``, ``parse_clauses``, ``parse_frames``). Words of which the index knows nothing
(ages, trades, sizes, makes) are left out on purpose: a question with one of them is not answered past it.

Owns the vocabulary. Knows no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from viot_tools.qa.neutral import RECORDING
from viot_tools.qa.program import COLOURS, Has, Subject

_IRREGULAR = {
    verb.split()[0]: tuple(verb.split())
    for verb in (
        "be is was are were been being am",
        "have has had having",
        "do does did doing done",
        "come comes came coming comming",
        "go goes went going gone",
        "get gets got getting gotten",
        "leave leaves leaving",
        "drive drives drove driving driven",
        "make makes made making",
        "take takes took taking taken",
        "run runs ran running",
        "sit sits sat sitting",
        "stand stands stood standing",
        "lie lies lay lying lain",
        "fall falls fell falling fallen",
        "fight fights fought fighting",
        "carry carries carried carrying",
        "hold holds held holding",
        "bring brings brought bringing",
        "wear wears wore wearing worn",
        "hang hangs hung hanging",
        "quit quits quitted quitting",
        "see sees saw seeing seen",
        "catch catches caught catching",
        "ride rides rode riding ridden",
        "draw draws drew drawing drawn",
        "grow grows grew growing grown",
        "shrink shrinks shrank shrunk shrinking",
        "rise rises rose rising risen",
        "tell tells told telling",
        "keep keeps kept keeping",
        "spend spends spent spending",
        "stick sticks stuck sticking",
        "begin begins began begun beginning",
        "say says said saying",
        "give gives gave giving given",
        "head heads headed heading",
        "slip slips slipped slipping",
        "stop stops stopped stopping",
        "step steps stepped stepping",
        "jog jogs jogged jogging",
        "drop drops dropped dropping",
        "spot spots spotted spotting",
        "lug lugs lugged lugging",
        "squat squats squatted squatting",
        "get gets got getting gotten",
        "put puts putting",
        "speed speeds sped speeding",
        "set sets setting",
        "steal steals stole stealing stolen",
        "hurry hurries hurried hurrying",
    )
}


def forms(verb: str) -> tuple[str, ...]:
    """``walk``, ``walks``, ``walked``, ``walking``."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return verb, verb + "s", verb + "d", verb[:-1] + "ing"
    if verb.endswith("y") and verb[-2] not in "aeo":
        return verb, verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"
    plural = verb + ("es" if verb.endswith(("s", "sh", "ch", "x")) else "s")
    return verb, plural, verb + "ed", verb + "ing"


def expand(line: str) -> Iterator[tuple[str, ...]]:
    """All phrases of a line, as words. Choices may hold choices."""
    yield from (p for p in _choices(re.findall(r"[()|]|[^\s()|]+", line)) if p)


def _choices(tokens: list[str]) -> list[tuple[str, ...]]:
    """The phrases of a choice up to its closing bracket, which is taken off the tokens."""
    done: list[tuple[str, ...]] = []
    here: list[tuple[str, ...]] = [()]
    while tokens:
        token = tokens.pop(0)
        if token == ")":
            break
        if token == "|":
            done += here
            here = [()]
        elif token == "(":
            inner = _choices(tokens)
            here = [a + b for a in here for b in inner]
        else:
            words = forms(token[1:]) if token.startswith("^") else (token,)
            here = [(*a, w) for a in here for w in words]
    return list(dict.fromkeys([*done, *here]))


@dataclass(frozen=True, slots=True)
class Noun:
    """What a noun means. ``known``: an enrolled person."""

    kind: Subject
    labels: tuple[str, ...] = ()
    attributes: tuple[Has, ...] = ()
    plural: bool = False
    indefinite: bool = False


_MALE, _FEMALE = (Has("sex", ("male",)),), (Has("sex", ("female",)),)
_PEOPLE: tuple[tuple[str, str, tuple[Has, ...]], ...] = (
    (
        "person face human pedestrian passer+by passerby individual soul human+being walker",
        "people persons faces ppl humans pedestrians passers+by passersby individuals souls human+beings walkers folks folk",
        (),
    ),
    (
        "man guy bloke gent gentleman chap fellow dude fella male mister",
        "men guys blokes gents gentlemen chaps fellows dudes fellas males",
        _MALE,
    ),
    ("woman lady female lass madam", "women ladies females lasses", _FEMALE),
)
_INDEFINITE = "somebody someone anybody anyone"
_VEHICLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("vehicle motor automobile+vehicle motor+vehicle", "vehicles motors motor+vehicles", ()),
    (
        "car saloon sedan automobile estate+car hatchback suv motorcar",
        "cars saloons sedans automobiles estate+cars hatchbacks suvs motorcars",
        ("car",),
    ),
    ("van minivan transit+van delivery+van transporter", "vans minivans delivery+vans transporters", ("van",)),
    (
        "truck lorry pickup pickup+truck articulated+lorry hgv semi+truck",
        "trucks lorries pickups pickup+trucks hgvs",
        ("truck",),
    ),
    ("bus coach minibus omnibus", "buses busses coaches minibuses", ("bus",)),
    (
        "motorcycle motorbike motor+bike moped scooter motorcyclist",
        "motorcycles motorbikes motor+bikes mopeds scooters motorcyclists",
        ("motorcycle",),
    ),
    (
        "bicycle cycle pushbike push+bike cyclist bike+rider",
        "bicycles cycles pushbikes push+bikes cyclists",
        ("bicycle",),
    ),
    ("bike two+wheeler", "bikes two+wheelers", ("bicycle", "motorcycle")),
)
_EVENTS: tuple[tuple[str, str, Subject], ...] = (
    ("fire blaze", "fires blazes flames flame", "fire"),
    ("smoke", "", "smoke"),
    ("anomaly", "anomalies", "anomaly"),
)
OBJECTS = (
    "bird cat dog horse sheep cow bench umbrella suitcase frisbee skateboard bottle cup chair laptop phone book clock "
    "ball kite table couch"
).split()
"""Of COCO's 80 classes the ones that stand about in footage. ``bag`` and ``backpack`` are carried, so attributes."""
_OBJECT_WORDS = {"sofa": "couch", "parasol": "umbrella", "trolley+case": "suitcase", "mobile+phone": "phone"}

COLOUR_WORDS: dict[str, str] = {
    **{c: c for c in COLOURS},
    **dict.fromkeys("gray silver silvery charcoal anthracite grayish greyish".split(), "grey"),
    **dict.fromkeys("navy azure turquoise cyan cobalt denim+blue".split(), "blue"),
    **dict.fromkeys("crimson scarlet maroon burgundy ruby".split(), "red"),
    **dict.fromkeys("beige tan khaki bronze chestnut".split(), "brown"),
    **dict.fromkeys("violet lilac lavender mauve".split(), "purple"),
    **dict.fromkeys("magenta rose fuchsia".split(), "pink"),
    **dict.fromkeys("gold golden lemon mustard".split(), "yellow"),
    **dict.fromkeys("olive lime emerald".split(), "green"),
    **dict.fromkeys("cream ivory".split(), "white"),
    **dict.fromkeys("amber".split(), "orange"),
}
"""Colour words as Berlin and Kay's eleven."""
SHADES = frozenset("dark light bright pale deep vivid".split())
"""Before a colour only: alone they are no colour of the index."""

GARMENTS: dict[str, str] = {
    "upper": "top tops jacket shirt t+shirt tshirt tee+shirt jumper hoodie hoody sweater sweatshirt pullover blouse "
    "cardigan anorak parka blazer polo+shirt fleece tee upper+clothing upper+clothes upper+garment upper+wear",
    "lower": "trousers pants jeans slacks leggings joggers chinos bottoms lower+clothing lower+garment",
    "shorts": "shorts",
    "skirt": "skirt",
    "coat": "coat overcoat raincoat",
}
CARRIED: dict[str, str] = {
    "backpack": "backpack rucksack back+pack knapsack backpacks rucksacks",
    "bag": "bag handbag hand+bag shoulder+bag tote tote+bag purse carrier+bag shopping+bag plastic+bag satchel bags "
    "handbags",
}
HATS = "hat hats cap caps beanie headgear headwear baseball+cap"

ACTION_WORDS = {
    "standing": "^stand (upright|about|)",
    "walking": "(^walk|^stroll|^amble) (around|about|along|)",
    "running": "(^run|^jog|^sprint) (around|about|along|)",
    "sitting": "^sit (down|around|)\nseated",
    "lying": "(lying|lain|lies|lay) (down|about|on the (ground|floor)|)",
    "falling": "(^fall|^tumble|^topple|^collapse) (over|down|to the (ground|floor)|on the (ground|floor)|)\n^have a fall",
    "squatting": "(^squat|^crouch) (down|)",
    "waving": "^wave",
    "fighting": "(^fight|^brawl|^scuffle) (with each other|)\nthrowing punches",
}
"""Verbs of what action recognition tells. ``carrying`` is read as what is carried."""

CUES: dict[str, str] = {
    "moves": "(^go|^move|^head|^turn|^travel|^drive|^walk|^take|^pass)",
    # what is asked
    "howmany": """
(tot|add|sum) (up|)
quantify
turnout (of|)
how numerous
how (large|big) (is|was|were) the (number|group|crowd) of
how many
how much
(total|exact|overall|correct|) (number|numbers|no|nr|count|counts|tally|sum|total|amount|quantity) of
number
count (up|me|)
counted
tally (up|)
total (number|count|figure|)
(bunch|crowd|group|gathering|cluster) of
bunch
size of
totals
sum (up|)
amount
quantity
headcount (of|)
head count (of|)
in (total|all)
all in all
all told
altogether
overall
figure
figure (of|for)
add up
statistics on
""",
    "howlong": """
(amount|stretch|period) of time
from first to last sighting
screen time
time (on|in) (camera|screen|view|the picture|shot)
how long
for how long
how (much time|many minutes|many seconds|many hours|many minutes or seconds|many seconds or minutes)
(length|duration) of (stay|the stay|the visit|visit|time|)
duration
during (which|what) length
(dwell|total dwell|total|stay) time
(length|time|stay) (spent|in view)
what time passes
how (many mins|many secs)
what length of time
for what time
time span
visit length
total time
^spend
""",
    "when": """
when (exactly|precisely)
(how|what) does the clock (show|say)
(at|from|) (what|which) (time|hour|moment|minute|second|point in time|point|exact time|o clock)
(at|) what time of (day|the day)
since when
how early
how soon
(exact|precise|) (time|moment|hour|minute|second) of
timestamp
time stamp
clock time
the (exact|precise) (moment|time|minute|second|hour)
need the time
from which minute on
""",
    "arrivaltime": "(arrival|entry|entrance) time\ntime of (arrival|entry|appearance)",
    "departuretime": "(until|till) when\nhow late\n(departure|leaving|exit) time\ntime of (departure|exit|leaving)",
    "where": """
where
whereabouts
location (of|)
in which place
at which place
(which|what) (place|spot|location)
""",
    "whichcam": """
(on|at|in|by|from|) (which|what|whose) (lens|channel|view|site|entrance|post|spot|location|monitor|footage)
(on|at|in|by|under|from|) (which|what|whose) (camera|cameras|cam|cams|feed|picture|video|recording|footage|screen|gate)
(on|) which of (the|our|your|all|all the|these) (cameras|cams|pictures|feeds|recordings|places|spots)
(by|) camera name
name of the camera
(find|show|name|tell|give) (me|us|) the camera
the camera (that|which|with)
which (of them|one of them) (saw|has|had)
the camera (please|pls)
put the camera
""",
    "busiestcam": """
(hot spot|hotspot) (for|of|)
most popular (camera|place|spot|cam|) (with|for|among)
(which|what) (camera|cam|place|spot) (leads|ranks first|comes first|is number one|tops the list) (for|in|)
(top|busiest|fullest|most crowded|number one) (camera|cam|spot|place)
rank the (cameras|cams) by
(which|what|whose) (camera|cam|spot|place) (was|is) (the|) busiest (with|for|in terms of|)
where (was|is) it (the|) (busiest|fullest|most full|most crowded) (with|of|for|)
where (was|were|is|are) (there|) (the|) most
""",
    "colour": """
(livery|tone|finish)
(colour|color) scheme
(colour|color|colours|colors|hue|shade|tint|colouring|coloring|coulour|colur|paint|paintwork|paint job) (of|)
(colour|color) wise
vehicle (colour|color)
^colour
^color
^paint
paint colour
(paint|colour) of
(bodywork|coachwork|body) (colour|color|)
shade of the bodywork of
""",
    "kind": """
body type
^classify
(kind|kinds|type|types|sort|sorts|class|category|model of) of
(kind|type|sort|category|class)
what (was|is) (it|that|this)
""",
    "carry": """
^clutch
laden with
(over|on) (his|her|their|the) shoulder
in (his|her|their) possession
by way of luggage
anything in (the|his|her|their) (hand|hands|arms)
(^carry|^hold|^bring|^lug|^tote|^haul|^drag|^transport) (along|around|about|with (him|her|them)|with (him|her) or (him|her)|)
(have|has|had|got|taking|takes|took) (with|along with|on) (him|her|them)
(taking|took|takes|take) along
in (the|his|her|their) (hand|hands|arms)
in hand
luggage
baggage
belongings
on (his|her|their) back
with (him|her|them)
""",
    "doingcue": """
going on with
(posture|pose)
^get up to
what (was|is) happening with
(doing|activity|activities|action|actions|behaved|behave|behaving|behaviour|behavior|engaged in|busy with)
(occupied|busy) (with|)
(with|in|on|by|) (which|what) activity
kind of movement
on the move or at rest
""",
    "who": "who\nwhose\nwhom\nwhich (person|man|woman)\nwhat person\nwho is it",
    "known": """
(in|on) (the|our) (database|gallery|system|list|watch list|watchlist)
on record
(enrolled|registered|known|recognised|recognized|identified|enroled)
(we|the system|that you|faces you|people you|persons you|person you|one you) (know|knows|recognise|recognises|recognize|recognizes|^have on file|^have enrolled)
(staff|known|familiar) (faces|face|names) you know
of our people
(on|from) (the|our) (enrolled list|list|books|register)
(staff|known|familiar) (faces|face|names)
on file
(enrolled|known) list
(by|) name of
by name
""",
    # comparing
    "once": """
at a (single|) glance
(in|on) the same (shot|picture|frame|image|view|screen)
at any given (time|moment|second|point|instant)
at a given (time|moment|second|point|instant)
at (once|one time|one moment|one go|one instant|one point|a time|any one time|any one moment|any one point|any given time)
at (the same|one and the same|a single|the very same) (time|moment|instant|point)
(simultaneous|simultaneously|simultanously|concurrent|concurrently)
(all|) at (one|the same) time
side by side
(in|on) (one|a|any|the same|any one|a single|one single) (frame|picture|image|shot|single frame)
in view together
per frame
peak time
peak
""",
    "most": """
(highest|peak|maximum|greatest) occupancy
densest
at (its|the) most
(in|at|during) the (rush|peak|busiest) (hour|time|period)
(when|while|as) it was (at its|) (fullest|busiest|most crowded|peak)
at (its|the) (fullest|peak|busiest|worst|most crowded) (moment|instant|time|point|crowding|)
(most|highest|biggest|largest|greatest|maximum|max|fullest|top|maximal|record|busiest|highest count|most crowded|worst crowding)
(more|^draw more|^attract more) than any other (camera|cam|spot|place|)
""",
    "least": "(fewest|lowest|smallest|minimum|quietest|least)",
    "more": """
(larger|bigger|greater|lion s) share
^dominate
^prevail
more (common|numerous|frequent|often)
(more|greater|larger|bigger|higher|busier|mostly|mainly|predominantly|prevail)
(which|what) (group|side|kind|lot) (was|is|were) (the|) (larger|bigger|greater|more numerous)
(majority|outnumber|outnumbered|outnumbers|outnumbering|out number) (of|)
(^come|came) out (on top|ahead)
(^compare|comparison) (the|) (counts|numbers|count|number|) (of|)
(in|) (greater|larger|bigger|higher|the greater|the larger) (number|numbers|count|quantity|group)
(wins|win|won|winner)
(in|) the majority
""",
    "fewer": "fewer\nin the minority\nsmaller (number|numbers|count|group)\nminority",
    "longer": "longer\n(stay|stays|stayed|remain|remains|remained|linger|lingered) longer\nfor longer",
    "first": """
(preceded|beat|precede|precedes) the other (one|)
the (front|number one) (spot|place)
(^beat) (the other|them all|everyone|everybody)
(first|1st|earliest|initial|initially|soonest|sooner|earlier|foremost) (of all|)
number one
ahead of (the|) (other|others|rest|everyone else|everybody else|anyone else|anybody else|others)
before (any|every|all|the) other (person|people|individual|individuals|vehicle|vehicles|thing|things|one|ones|man|woman)
before (its|his|her|the other s|their) (companion|counterpart|mate|rival|competitor)
before (the|all|all the|any|any of the|) (other|others|rest|everyone else|everybody else|anyone else|anybody else)
(in front|in the lead|leads|led|lead)
(opened|opens|^open) the (day|dance|show|morning|evening|recording|shift)
to begin with
very first
at the very (start|beginning)
started with
(^kick|^lead) (it|things|) off
order of (arrival|appearance)
sequence
front runner
""",
    "last": """
(last|final|latest|very last|most recent|lastly|finally) (of all|)
(closed|closes) the (day|evening|show|night|recording|shift)
after (the|all|all the|) (others|other|rest|everyone else|everybody else)
(at|in|as|on) (the|) last (position|place|of all|one|)
(bringing|brought) up the rear
""",
    "next": """
(next|very next) (thing|one|arrival|to (appear|come|arrive|show up|turn up)|)
(immediate|direct) (follower|successor)
immediately (behind|after)
(and|) then what
directly (on its heels)
on its heels
tailgated
hot on (its|the) heels
""",
    "rightafter": "(close|hot|hard|right|directly) (on the heels of|behind)\non the heels of\n(next|first) after\nimmediately following\ndirectly following\n(right|immediately|directly|straight|straightaway|just|shortly|hard) (after|behind|following)\nfollowed",
    "rightbefore": "(right|immediately|directly|straight|just|shortly) (before|ahead of)",
    # borders of the footage
    "atend": """
(in|at|during) the (closing|final|last|very last) (moments|moment|seconds|minutes|frames|scene|stage|shot)
(at|by) closing
(when|as|by the time|until) the <rec> (cuts|cut|goes off|went off|was switched off|stopped|comes to an end|came to an end|draws to a close)
(when|as) (it|everything) (ends|ended|stops|stopped|finishes|finished)
(at|by|in|till|until|to|towards|up to|on) the (very|) (end|close|finish|last moment|last moments|final moment|last second|last minute|last picture|last frame|final frame|final picture|last image|final image) (of (the|this|that|all the) <rec>|)
(at|by|till|until|in|to) the very (end|last) (of (the|this) <rec>|)
(final|last) (frame|picture|image|moment)
(when|as|by the time|before|until|till) the <rec> (^stop|^end|^finish|^close|runs out|ran out|was over|is over|cuts off|cut off)
when it (was|is) (all|) over
(at|by) (the|) (finish|close)
end of (the|) <rec>
to the (close|end)
by (the|) end
when (the|) <rec> (was|is) over
at the last
""",
    "atstart": """
(at|from|in|since) the (very|) (start|beginning|outset|first moment|first frame|first picture) (of (the|this) <rec>|)
(when|as) the <rec> (^start|^begin|begins|began)
at first
start of (the|) <rec>
from (begin|beginning|start)
""",
    "startend": """
(from|between) (the|) (start|begin|beginning|outset|first) (to|till|until|and) (the|) (end|finish|close|last)
comparing the (beginning|start) with the (end|finish)
as (the <rec>|time|it) (went|goes) on
(over|across|through|throughout) (the|this|that) (period|time|whole time|time span|stretch|interval)
in the course of (it|the <rec>|time)
over time
""",
    "still": """
still
yet there
yet (in view|here|present)
(^remain|^stay) (there|)
^continue to be (around|there|present|in view|in the picture|)
(not|never) ((moved|move) (on|away)|gone (away|)|left|leave|go (away|))
(^stick) around
""",
    "updown": """
(^swell|^dwindle|thin out|thinned out|thinning out|fill up|filled up|build up|built up|die down|died down)
(gain or loss|loss or gain|wax or wane|swell or shrink|grow or fall|growth or decline)
(gone|went|go) (up|down) or (up|down)
(^go|went) (up or down|down or up)
(up or down|up or downwards|upwards or downwards|down or up|upwards , downwards)
(increase or decrease|increased or decreased|rise or fall|rising or falling|grow or shrink|growing or shrinking|more or less|less or more|fewer or more|more or fewer|plus or minus)
(fuller or emptier|emptier or fuller|busier or quieter|quieter or busier)
(trend|net change|change|changed|changes|changing|development) (in|of|for|)
(went|go|going|goes|gone) (up|down|which way)
(^grow|^shrink|^rise|^increase|^decrease|^drop|^decline|^climb) (in number|)
(rising|falling|increasing|decreasing|growing|shrinking)
(fuller|emptier)
""",
    # movement
    "enters": """
^flow in
inflow (of|)
^make an entrance
^set foot (inside|in)
(^come|^go|^walk|^drive|^get|^step|^roll|^pull|^ride|^move|^turn) (in|inside|into|in here) (here|the (area|place|room|picture|scene|yard|site|view|frame|shop|building|hall|lot)|view|)
(^enter|^arrive) (|here|the (area|place|room|picture|scene|yard|site|view|frame|shop|building|lot)|)
^get (here|there)
(^drive|^walk|^ride) or (^drive|^walk|^ride) (in|inside|into (the (area|place|yard|site))|up)
^make (its|their|his|her) way (in|into|inside) (the (area|place|room|picture|scene|yard|site)|)
inbound
arrival (of|)
arrivals (of|)
entries (of|)
entrances (of|)
(incoming|ingoing)
(^roll|^pull|^drive) up
^show (its|his|her|their) face
""",
    "came": """
(^make|^put in) an appearance
^crop up
(^drop|^stop) by
^visit (us|)
^set foot (here|in here|)
^pass our way
^come into (view|shot|sight|frame|the (picture|frame|view))
^call in
^come forward
^come (by|along|past|through|by here|round|around|up|)
^be (past|by|through|around)
(^flash) by
past
(^draw|^attract)
^cross (the (picture|frame|view|scene|screen)|)
(^pass) (by|through|along|past|)
(^go|^walk|^move) (by|past|through|along)
(^show|^turn|^pop) up
^appear
""",
    "passes": "(^drive|^ride|^cycle|^roll) (by|past|through|along)",
    "leaves": """
^take (its|his|her|their) leave
(^clear|^set|^make|^move|^head|^push) (out|off)
^go home
out of (sight|view|shot|the picture|the frame)
^drop out of (sight|view|shot|the picture)
outflow (of|)
(leave|leaves|leaving) (|here|again|the (area|place|room|picture|scene|yard|site|view|frame|shop|building|lot)|)
(^go|^walk|^drive|^move|^head|^ride|^run|^pull|^wander|^clear|^speed|^slip|^roll) (away|off|out|out of (view|sight|the (picture|frame|image|view|room|area))|outside) (again|)
(^depart|^exit|^disappear|^vanish) (|again|from (view|sight|the (picture|scene|screen|frame))|)
(^move|^go) on
(^take) off
(^drive|^walk|^ride) or (^drive|^walk|^ride) (off|away|out)
^quit (the (scene|place|picture)|)
(gone|departed) (from (view|sight|the (picture|scene))|)
(outbound|outgoing)
departure (of|)
departures (of|)
departing
(exits|exit) (of|)
^lose (sight of|from view)
lost
from view
left
(^say) goodbye
(^call) it a day
""",
    "waits": """
(^hold) (its|his|her|their|) position
(^remain|^stay|^stand) in (one|the same) (spot|place)
(at rest|standstill)
(^loaf|^tarry|^dally)
(not|never) (budge|budged)
(^wait|^loiter|^linger|^idle|^lurk|^dawdle) (around|about|there|here|)
(^hang) (around|about|out) (here|there|)
(^stand) (still|around|around doing nothing)
(^stay) put
(^park|^stop) (up|there|here|)
(parked|park|parking|parks) (itself|himself|herself|)
(stationary|motionless|immobile|at a standstill)
(not|never) (move|moved|moving)
(without|not) moving
""",
    "stays": "(the|its|his|her|their) (visit|stay|presence) (of|)\n(^stay|^remain|^stick around|^dwell) (here|there|in view|)\n(was|were|is|are|be) (there|here|in view|visible|around) for",
    "approaches": """
(^grow|^get) (larger|bigger) (in (the|) (picture|frame|view)|)
(^close|closing) in (on (us|the camera)|)
^come up to (us|the lens|the camera|<cam>)
nearer
closer
(^approach|^near) (the camera|the lens|us|<cam>|)
(^come|^go|^walk|^drive|^head|^move|^run|^ride|^get|^travel|) (towards|toward|closer to|nearer to) (the camera|the lens|us|<cam>|camera|where the camera hangs|camera position|the camera position)
(^come|^go|^walk|^drive|^head|^move|^run|^ride|^get) (up to|at|for|straight at|straight for) (the camera|the lens|us|camera)
(^walk|^drive|^ride|^run) (up to|straight at) <cam>
(walking or driving|driving or walking) up to <cam>
(^come|^head) for us
(^come|^get|^move|^go|^draw|^walk|^drive) (closer|nearer) (to (the camera|the lens|us|<cam>|where the camera hangs)|)
in the direction of (the camera|us|<cam>)
(^come|^go|^move|^head|^walk|^drive|) in our direction
(^come|^go|^move|^head|^walk|^drive) our way
inbound to camera (position|)
inbound to (the camera|camera|<cam>)
(becomes|become|became|getting|gets|get|got) (bigger|larger) in (the|) picture
(the distance between the camera and) <np> shrinks
""",
    "recedes": """
(^walk|^drive|^move|^go|^run|^ride|^head|) (away from|further from|farther from) (the camera|the lens|us|<cam>)
(^come|^get|^move|^go) (further|farther) away (from (the camera|the lens|us|<cam>)|)
""",
    "followed": "^follow",
    "together": """
^cross paths (with|)
at the same time as
in the same (frame|picture|shot|scene) as
together (with|)
(overlap|overlaps|overlapped|overlapping) (with|)
^coincide (with|) (that of|)
(share|shares|shared|sharing) (the|a) (scene|picture|frame|view|stage) (with|)
alongside
""",
    "reverse": """
(or|) (is it|was it|) (the|) other way (round|around|about|)
(or|) (is it|was it|) the (reverse|opposite)
vice versa
""",
    "ask": "(what|which) (should|do|shall|can) (i|we) (write|put|enter|note|fill in|tell them|report)",
    "nil": """
(it|this) (is|was|would be) (safe|fair|right|accurate|true) to (say|state|claim|assume) (that|)
(would|is|will) it (be|) (safe|fair|right|accurate|true) to (say|state|claim|assume) (that|)
(is|was) it (a fact|the case|so) that
it is (a fact|the case) that
in the act of
(of|out of) the two (of them|)
the two of them
on (the|our) premises
(which|what) option
(is|are|was|were) there to be seen
my guess is
if (i|we) (am|are) not mistaken
(around|about) (here|there|the place)
(anywhere|somewhere|throughout|completely|entirely|yet|so far|up to now)
at (any|some|one) (time|point|stage|moment)
at all
(in front of|near|by|outside|inside|around|through|over at|from|in the (picture|view|recording|video) of) <cam>
(does|did|would) (that|this|it) (hold up|hold true|hold|stand up|check out|fit)
(back|backs) (her|him|me|us|them) up
(am|was|is|were|are) (i|he|she|that|they|we|this|it|you) (right|wrong|correct|true|safe|mistaken)
am i safe in saying (that|)
(i|we) (could|can) not (tell|see|say|make it out|read it) (from here|)
or (what|what not|so|whatever|something|something else|anything else|else|rather)
in (minutes|seconds|hours|numbers|figures)
(all|this|the whole) shift
for me
say again
not counting (the same|anyone|anybody|any|a) (one|) twice
(counted|counting|count) (each|every) (one|) (only|) once
without (double counting|counting twice)
(go|go over|gone over|run) over
(go|scroll|rewind|wind) back (to|)
(is|that is|) enough
(choose|pick|select|tick|mark|take) (one|only one|from|among|the right one|the correct one|the right answer|the correct|) (of|from|among|for|out of|)
(options|choices|possible answers|answers|the options are|the choices are|my options are)
(has|have|got) to be (either|one of|)
either
the following
(give|say|tell|name) (me|us|) (just|only|) (the|) (winner|answer|result|letter)
(to be|) on the safe side
as well
(in|on) this (footage|recording|video|clip|tape)
as far as (you|we|i|one) can (see|tell)
(in|on) (the|) (footage|recording|video|clip|tape)
(i|we) (have|had) the (feeling|impression) (that|)
(i|we) (would|) (bet|guess|reckon|say|suspect|think) (that|)
(do|does) the (pictures|images|recordings) (bear|bears) (that|this|it) out
in (question|particular|general)
(when|as|while) (it|he|she|they) (^come|^go|^pass|^walk|^drive|^appear|^show|^turn) (by|past|through|up|in|along|) (<cam>|)
(during|throughout|over|for|in|across) (the|this|that) (whole|entire|full|complete|) <rec> (of <cam>|)
(throughout|all through) (the|this|that) (whole|entire|) <rec>
(^pick) up
how (big|many|large|great) (was|is|were) (it|that|they)
the right (word|answer|one|colour|color|number|description) (for|to|)
(right|correct) (answer|option|one|box) (for|)
closest to the truth (about|)
fire (regulations|regulation|marshal|safety|drill|report|exit|brigade|officer|inspection|warden|code|service|department|door|alarm|escape|certificate)
(who|which|which one|which of us|who of us|which of them) (is|was) (right|correct)
(i|we|you) (can|may|could) only (tick|pick|choose|select|mark) one (box|answer|option) (for|)
(showing|shown)
one after (another|the other)
among (the|)
whoever
whatever (you|u|they) call it
(figure|work|find|make|check|sort|point|hear|let us find) out
(sign|signs|trace|traces) of
(sign|signs)
in (other|plain|a few) words
(look|looks|looked) like
go back to the (very|) (start|beginning) (of (the|) <rec>|)
(go|jump|skip) to the (very|) end (and|)
(i|we) (can|could|do) not (remember|recall|tell|know|say|see|make out) (if|whether|which|)
when passing (by|)
from <cam> again
meaning
(fits|fit|suits)
in the (minutes|hours|minutes or hours|hours or minutes|seconds|time)
while <cam> (was|is) (recording|running|on|filming)
in the first place
to the nearest (whole|) (number|second|minute)
to my knowledge
by any chance
for (the|my|our) (report|log|record|records|file|boss|form)
(about|regarding|concerning|as for|as to)
(anything|something) like
(go|goes|went|put) (into|in|on) (the|my|our) (log|report|form|book)
(an|the) item
item
(on|to) the (screen|monitor)
to be seen
(could|can) (i|we|one|you) (also|) (see|spot|find|make out)
""",
    "thing": "(anything|something|thing|things|object|objects|item|items)",
    "unknown": """
(car|bus|bike|truck|lorry) (park|parks|stop|stops|lane|lanes|driver|drivers|rack|shed|shelter|station|wash|door|doors|alarm|key|keys|seat|bay|terminal)
people carrier
""",
    "goleft": "(^go|^turn|^move|^head|^travel|^drive|^walk|^ride|^run|^pass) (off|) (to|towards|) (the|) left",
    "goright": "(^go|^turn|^move|^head|^travel|^drive|^walk|^ride|^run|^pass) (off|) (to|towards|) (the|) right",
    "left": """
(to|towards|at|on|by|from) (the|) left (hand side|side|edge|half|hand|) (of (the|) (picture|image|frame|screen|scene|shot|view)|)
(leftward|leftwards|left hand)
left (side|edge)
""",
    "right": """
(to|towards|at|on|by|from) (the|) right (hand side|side|edge|half|hand|) (of (the|) (picture|image|frame|screen|scene|shot|view)|)
(rightward|rightwards|right hand)
right (side|edge)
""",
    "leftright": """
(from|) (the|) left to (the|) right or (from|) (the|) right to (the|) left
(from|) (the|) right to (the|) left or (from|) (the|) left to (the|) right
(left or right|right or left|left right|l or r|r or l|left / right|leftwards or rightwards|rightwards or leftwards|left , right|right , left|l / r)
left or to the right
(^go|^turn|^move|^head|^travel|^drive|^walk|^ride|^run|^pass|^take) (to the|) (left or right|right or left|left or to the right|left , right)
(to|) (the|) left or (to|) (the|) right
(to|) (the|) right or (to|) (the|) left
left or right
""",
    "whichway": """
which way
(which|what) direction
(to|towards|by|in|) (what|which) (side|edge|hand)
(in|to|towards|) (what|which) direction
(direction|heading) of (travel|)
direction
""",
    "upperbody": """
(on|) the (top half|upper part) (of (the|his|her|their) body|)
(top half|upper part)
above the (waist|belt)
(on|for|) (the|their|his|her|) (upper body|upper half|torso|chest)
upper body
up top
""",
    "lowerbody": """
(on|) the (bottom half|lower part) (of (the|his|her|their) body|)
(bottom half|lower part|legwear)
below the (waist|belt)
from the waist down
(on|for|) (the|their|his|her|) (legs|leg|lower body|lower half)
(wear|wore|wearing) below
worn below
""",
    "hair": "hair",
    "sleeves": "(sleeves|sleeve|sleeved)",
    "nothing": "nothing\nempty handed\nno bag\nno bags",
    "dressed": "(^wear|dressed|clad|^have on|had on|has on|clothing|clothes|outfit|^dress)",
    "onfoot": "on foot",
    "wheels": "(something|thing|) (with|on) wheels",
    # negation and the like
    "neg": """
(free from|clear of|devoid of|void of|bare of)
never once
nothing like
(failed|fails|fail) to (appear|show up|show|turn up|come)
no sign of
not (even|so much as) (a|one|any)
without so much as
(no|not|never|none|nobody|zero|nil)
no one
(not|no) (one|a single|any)
(without|free of|absent|absence) (a single|any|of|of any|)
rule out
(ruled|ruling) out
free of
missing
""",
    "yesno": """
(yes or no|y n|yes / no|y / n|yes no|confirm or deny|affirm or negative|true or false|true or not|affirm|affirmative|confirm|correct|right or wrong|or not|positive or negative)
is that (so|right|correct|true)
(am|was|is|have) (i|he|she|that|it|this|they) (got it|got that|) (right|correct|true|so)
""",
    "each": "(all|all of)",
    "timeword": "time",
    "later": "(later|afterwards|subsequently|thereafter|later on|from then on)",
    "already": "(already|previously|beforehand)",
}
"""Tags with the phrases that say them. Longer phrases win; of equal ones the later tag."""


@cache
def phrases() -> dict[tuple[str, ...], str]:
    """Every phrase of the lexicon with its tag."""
    out: dict[tuple[str, ...], str] = {}
    for tag, text in CUES.items():
        for line in text.strip().split("\n"):
            for phrase in expand(line):
                out[tuple("<rec>" if w in RECORDING else w for w in phrase)] = f"<{tag}>"
    for action, text in ACTION_WORDS.items():
        for line in text.split("\n"):
            out.update(dict.fromkeys(expand(line), f"<doing:{action}>"))
    for word, colour in COLOUR_WORDS.items():
        spelt = tuple(word.split("+"))
        out[spelt] = f"<C:{colour}>"
        for shade in SHADES:
            out[(shade, *spelt)] = f"<C:{colour}>"
        out[(*spelt, "coloured")] = out[(*spelt, "colored")] = f"<C:{colour}>"
    for what, text in GARMENTS.items():
        out.update({tuple(w.split("+")): f"<G:{what}>" for w in text.split()})
    for what, text in CARRIED.items():
        out.update({tuple(w.split("+")): f"<I:{what}>" for w in text.split()})
    out.update({tuple(w.split("+")): "<H>" for w in HATS.split()})
    for i, phrase in enumerate(noun_phrases()):
        out[phrase] = f"<N:{i}>"
    return out


@cache
def nouns() -> dict[tuple[str, ...], Noun]:
    """Every noun with its meaning."""
    out: dict[tuple[str, ...], Noun] = {}

    def add(words: str, noun: Noun) -> None:
        out.update({tuple(w.split("+")): noun for w in words.split()})

    for one, many, has in _PEOPLE:
        add(one, Noun("person", attributes=has))
        add(many, Noun("person", attributes=has, plural=True))
    add(_INDEFINITE, Noun("person", indefinite=True))
    for one, many, labels in _VEHICLES:
        add(one, Noun("vehicle", labels))
        add(many, Noun("vehicle", labels, plural=True))
    for one, many, kind in _EVENTS:
        add(one, Noun(kind))
        add(many, Noun(kind, plural=True))
    for name in OBJECTS:
        many = {"sheep": "", "bench": "benches", "couch": "couches"}.get(name, name + "s")
        add(name, Noun("object", (name,)))
        add(many, Noun("object", (name,), plural=True))
    for word, name in _OBJECT_WORDS.items():
        add(word, Noun("object", (name,)))
    for words in ("anything", "something"):
        for odd in ("unusual", "strange", "odd", "abnormal", "suspicious", "weird"):
            out[(words, odd)] = Noun("anomaly", indefinite=True)
    return out


@cache
def noun_phrases() -> tuple[tuple[str, ...], ...]:
    return tuple(nouns())


@cache
def noun_list() -> tuple[Noun, ...]:
    return tuple(nouns().values())
