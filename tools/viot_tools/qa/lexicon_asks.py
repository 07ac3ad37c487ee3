"""How people say what they want to know: what, how many, when, where, which of them.

See ``lexicon`` for the notation.
"""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "moves": "(^go|^move|^head|^turn|^travel|^drive|^walk|^take|^pass)",
    "howmany": """
(what|which) (number|figure) (should|do|shall|can) (i|we) (put|write|enter|note) (for|)
(sum|grand) total (of|)
(final|overall|running) (count|tally|number|total) (of|)
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
(the|) (time|moment|minute|hour|point) (when|at which)
(at|) (what|which) clock time
what was the time (when|)
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
    "arrivaltime": """
(first|earliest) appearance (of|)
(arrival|entry|entrance) time
time of (arrival|entry|appearance)
""",
    "departuretime": """
(last|final|latest) appearance (of|)
(until|till) (what|which) (time|hour|minute)
(until|till) when
how late
(departure|leaving|exit) time
time of (departure|exit|leaving)
""",
    "where": """
where
whereabouts
location (of|)
in which place
at which place
(which|what) (place|spot|location)
""",
    "whichcam": """
(which|what) one of (the|our|your) (cameras|cams|feeds|pictures|recordings|places|spots)
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
livery
(paint|colour|color) (finish|tone)
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
(^carry|^hold|^bring|^lug|^tote|^haul|^drag|^transport) (along|around|about|with (him|her|them))
(^carry|^hold|^bring|^lug|^tote|^haul|^drag|^transport) (with (him|her) or (him|her)|)
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
act
^perform
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
    "who": "whoever\nwho\nwhose\nwhom\nwhich (person|man|woman)\nwhat person\nwho is it",
    "known": """
(in|on) (the|our) (database|gallery|system|list|watch list|watchlist)
on record
(enrolled|registered|known|recognised|recognized|identified|enroled)
(we|the system|that you|faces you) (know|knows|recognise|recognises|recognize)
(people you|persons you|person you|one you) (know|knows|recognise|recognises|recognize)
(we|the system|that you|faces you|people you|persons you|person you|one you) (recognizes|^have on file|^have enrolled)
(staff|known|familiar) (faces|face|names) you know
of our people
(on|from) (the|our) (enrolled list|list|books|register)
(staff|known|familiar) (faces|face|names)
on file
(enrolled|known) list
(by|) name of
by name
""",
    "once": """
(all together|all at the same time)
(in|at) the (very|) same (instant|moment|second)
(in|at) (a|one) single (moment|instant|second)
at a (single|) glance
(in|on) the same (shot|picture|frame|image|view|screen)
at any given (time|moment|second|point|instant)
at a given (time|moment|second|point|instant)
at (once|one time|one moment|one go|one instant|one point|a time)
at (any one time|any one moment|any one point|any given time)
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
most (numerous|common|frequent|often)
(highest|peak|maximum|greatest) occupancy
densest
at (its|the) most
(in|at|during) the (rush|peak|busiest) (hour|time|period)
(when|while|as) it was (at its|) (fullest|busiest|most crowded|peak)
at (its|the) (fullest|peak|busiest|worst|most crowded) (moment|instant|time|point|crowding|)
(most|highest|biggest|largest|greatest|maximum|max|fullest|top)
(maximal|record|busiest|highest count|most crowded|worst crowding)
(more|^draw more|^attract more) than any other (camera|cam|spot|place|)
""",
    "least": "(fewest|lowest|smallest|minimum|quietest|least)",
    "more": """
busier (with|for|in terms of)
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
    "fewer": "less\nfewer\nin the minority\nsmaller (number|numbers|count|group)\nminority",
    "longer": "longer\n(stay|stays|stayed|remain|remains|remained|linger|lingered) longer\nfor longer",
    "first": """
(in|at|) (first|pole) (place|position)
at the head
(first|1st) in (line|the line|the queue|the row)
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
(opened|opens|^open) (the|) (day|dance|show|morning|evening|recording|shift|proceedings|ball|session|batting)
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
    "reverse": """
(or|) (is it|was it|) (the|) other way (round|around|about|)
(or|) (is it|was it|) the (reverse|opposite)
vice versa
""",
    "ask": "(what|which) (should|do|shall|can) (i|we) (write|put|enter|note|fill in|tell them|report)",
    "thing": "(anything|something|thing|things|object|objects|item|items)",
    "upperbody": """
(on|) the (top half|upper part) (of (the|his|her|their) body|)
(top half|upper part)
above the (waist|belt)
(on|for|) (the|their|his|her|) (upper body|upper half|torso|chest)
upper body
up top
""",
    "lowerbody": """
below
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
(does) (the|our|your) (camera|cameras|footage|recording|video|tape) (agree|say so|show that|confirm (that|this|it|))
(do|did) (the|our|your) (camera|cameras|footage|recording|video|tape) (agree|say so|show that|confirm (that|this|it|))
(yes or no|y n|yes / no|y / n|yes no|confirm or deny|affirm or negative|true or false)
(true or not|affirm|affirmative|confirm|correct|right or wrong|or not|positive or negative)
is that (so|right|correct|true)
(am|was|is|have) (i|he|she|that|it|this|they) (got it|got that|) (right|correct|true|so)
""",
    "each": "(all|all of)",
    "timeword": "time",
}
