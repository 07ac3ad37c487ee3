"""How people say what moves, when, and beside what: comings and goings, order in time, sides of the picture.

See ``lexicon`` for the notation.
"""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "infront": "in front of",
    "firstout": "(first|1st) (out|to go)",
    "next": """
next (in line|up|on the scene|to follow)
(next|very next) (thing|one|arrival|to (appear|come|arrive|show up|turn up)|)
(immediate|direct) (follower|successor)
immediately (behind|after)
(and|) then what
directly (on its heels)
on its heels
tailgated
hot on (its|the) heels
""",
    "rightafter": """
(close|hot|hard|right|directly) (on the heels of|behind)
on the heels of
(next|first) after
immediately following
directly following
(right|immediately|directly|straight|straightaway|just|shortly|hard) (after|behind|following)
followed
""",
    "rightbefore": "(right|immediately|directly|straight|just|shortly) (before|ahead of)",
    "atend": """
(just|right|shortly|) before the <rec> (^stop|^end|^finish|^close)
before the (very|) (end|close|finish)
in (the|its) (last|final|very last) (picture|frame|image|shot|moments|seconds|minute|minutes) (of|on|from|) (<cam>|)
(the|) (last|final) (seconds|moments|minutes|frames) (of|on|from|) (<cam>|the <rec>|)
(when|before|until) (we|they|it|you) (were|was|) (switched|turned|shut) off
(at|by|until|till|to) the (very|) (end|close|finish) of (<time>|<cam>)
the end of <time>
(in|at|during) the (closing|final|last|very last) (moments|moment|seconds|minutes|frames|scene|stage|shot)
(at|by) closing
(when|as|by the time|until) the <rec> (cuts|cut|goes off|went off|was switched off|stopped)
(when|as|by the time|until) the <rec> (comes to an end|came to an end|draws to a close)
(when|as) (it|everything) (ends|ended|stops|stopped|finishes|finished)
(at|by|in|till|until|to|towards|up to|on) the (very|) (end|close|finish) (of (the|this|that|all the) <rec>|)
(at|by|in|till|until|to|towards|up to|on) the (very|) (last moment|last moments) (of (the|this|that|all the) <rec>|)
(at|by|in|till|until) the (very|) (final moment|last second|last minute) (of (the|this|that|all the) <rec>|)
(to|towards|up to|on) the (very|) (final moment|last second|last minute) (of (the|this|that|all the) <rec>|)
(at|by|in|till|until) the (very|) (last picture|last frame|final frame) (of (the|this|that|all the) <rec>|)
(to|towards|up to|on) the (very|) (last picture|last frame|final frame) (of (the|this|that|all the) <rec>|)
(at|by|in|till|until) the (very|) (final picture|last image|final image) (of (the|this|that|all the) <rec>|)
(to|towards|up to|on) the (very|) (final picture|last image|final image) (of (the|this|that|all the) <rec>|)
(at|by|till|until|in|to) the very (end|last) (of (the|this) <rec>|)
(final|last) (frame|picture|image|moment)
(when|as|by the time|before|until|till) the <rec> (^stop|^end|^finish|^close|runs out)
(when|as|by the time|before|until|till) the <rec> (ran out|was over|is over|cuts off|cut off)
when it (was|is) (all|) over
(at|by) (the|) (finish|close)
end of (the|) <rec>
to the (close|end)
by (the|) end
when (the|) <rec> (was|is) over
at the last
""",
    "atstart": """
(at|from|in|since) the (very|) (start|beginning) of (<time>|<cam>)
(at|from|in|since) the (very|) (start|beginning|outset|first moment|first frame|first picture) (of (the|this) <rec>|)
(when|as) the <rec> (^start|^begin|begins|began)
at first
start of (the|) <rec>
from (begin|beginning|start)
""",
    "startend": """
(at|) the end compared (with|to) the (beginning|start)
compared (with|to) the (start|beginning|end)
from (beginning|start|begin) to (end|finish|close)
(from|between) the (start|beginning) (to|and|until) the end of <time>
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
(up|down) , (up|down) or (the same|equal|level|unchanged)
(upward|downward|upwards|downwards) or (a|) (upward|downward|upwards|downwards) (trend|)
(an|the|) (increase|decrease|growth|decline) or (a|an|the|) (increase|decrease|growth|decline) (in|of)
(a|the|) (rise|fall|drop) or (a|the|) (rise|fall|drop) (in|of)
(^fill) up or (^empty) (out|)
(^empty) (out|) or (^fill) up
(^become) (more or fewer|fewer or more|fewer or greater|more or less)
(^swell|^dwindle|thin out|thinned out|thinning out|fill up|filled up|build up|built up|die down|died down)
(gain or loss|loss or gain|wax or wane|swell or shrink|grow or fall|growth or decline)
(gone|went|go) (up|down) or (up|down)
(^go|went) (up or down|down or up)
(up or down|up or downwards|upwards or downwards|down or up|upwards , downwards)
(increase or decrease|increased or decreased|rise or fall|rising or falling|grow or shrink)
(growing or shrinking|more or less|less or more|fewer or more|more or fewer|plus or minus)
(fuller or emptier|emptier or fuller|busier or quieter|quieter or busier)
(trend|net change|change|changed|changes|changing|development) (in|of|for|)
(went|go|going|goes|gone) (up|down|which way)
(^grow|^shrink|^rise|^increase|^decrease|^drop|^decline|^climb) (in number|)
(rising|falling|increasing|decreasing|growing|shrinking)
(fuller|emptier)
""",
    "enters": """
(^come|^get|^drive|^walk) (on site|onto the (site|premises|yard))
^enter the (premises|grounds|compound)
(^check|^pass) in
^flow in
inflow (of|)
^make an entrance
^set foot (inside|in)
(^come|^go|^walk|^drive|^get|^step|^roll|^pull|^ride|^move|^turn) (in|inside|into|in here) (here)
(^come|^go|^walk|^drive|^get|^step) (in|inside|into) the (area|place|room|picture|scene|yard|site|view|frame|shop)
(^come|^go|^walk|^drive|^get|^step) (in|inside|into) the (building|hall|lot)
(^roll|^pull|^ride|^move|^turn) (in|inside|into|in here) the (area|place|room|picture|scene|yard|site|view|frame|shop)
(^roll|^pull|^ride|^move|^turn) (in|inside|into|in here) the (building|hall|lot)
(^come|^go|^walk|^drive|^get|^step|^roll|^pull|^ride|^move|^turn) (in|inside|into|in here) (view|)
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
(^stroll|^wander|^amble|^march|^hurry|^swing|^stray) (by|past|through|along)
^be on (the|) (scene|site)
^make (its|his|her|their) way (by|past|through|along)
^reach (<cam>|us|the camera|the gate|here|)
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
^be (past|through|around)
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
(leave|leaves|left) the (premises|grounds|compound|site)
(^head|^step|^check|^slip|^bow) out
^make (its|his|her|their|an) exit
^get away
^pull off
^take (its|his|her|their) leave
(^clear|^set|^make|^move|^head|^push) (out|off)
^go home
out of (sight|view|shot|the picture|the frame)
^drop out of (sight|view|shot|the picture)
outflow (of|)
(leave|leaves|leaving) (|here|again|the (area|place|room|picture|scene|yard|site|view|frame|shop|building|lot)|)
(^go|^walk|^drive|^move|^head|^ride|^run|^pull|^wander|^clear|^speed|^slip|^roll) (away|off|out) (again|)
(^go|^walk|^drive|^move|^head|^ride|^run) (out of (view|sight|the (picture|frame|image|view|room|area))) (again|)
(^go|^walk|^drive|^move|^head|^ride|^run) (outside) (again|)
(^pull|^wander|^clear|^speed|^slip|^roll) (out of (view|sight|the (picture|frame|image|view|room|area))) (again|)
(^pull|^wander|^clear|^speed|^slip|^roll) (outside) (again|)
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
(^hover|^dwell)
^sit (idle|parked|still)
(^remain|^stay) (still|motionless|where (it|he|she|they) (was|were)|parked)
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
    "stays": """
(the|its|his|her|their) (visit|stay|presence) (of|)
(^stay|^remain|^stick around|^dwell) (here|there|in view|)
(was|were|is|are|be) (there|here|in view|visible|around) for
""",
    "approaches": """
(^come|^go|^move|^head|^walk|^drive|^travel) in the direction of (the camera|us|<cam>)
on (its|his|her|their) way (towards|toward|to) (the camera|us|<cam>)
(^come|^get|^draw) near (to|) (the camera|us|the lens|<cam>)
(^come|^get) any (closer|nearer) (to (the camera|us|the lens|<cam>)|)
(^draw) (nearer|closer)
(^grow|^get) (larger|bigger) (in (the|) (picture|frame|view)|)
(^close|closing) in (on (us|the camera)|)
^come up to (us|the lens|the camera|<cam>)
nearer
closer
(^approach|nears|nearing|neared) (the camera|the lens|us|<cam>|)
(^come|^go|^walk|^drive|^head) (towards|toward|closer to|nearer to) (the camera|the lens|us|<cam>)
(^come|^go|^walk|^drive|^head) (towards|toward|closer to|nearer to) (camera|where the camera hangs)
(^move|^run|^ride|^get|^travel|) (towards|toward|closer to|nearer to) (the camera|the lens|us|<cam>)
(^move|^run|^ride|^get|^travel|) (towards|toward|closer to|nearer to) (camera|where the camera hangs)
(^come|^go|^walk|^drive|^head) (towards|toward|closer to|nearer to) (camera position|the camera position)
(^move|^run|^ride|^get|^travel|) (towards|toward|closer to|nearer to) (camera position|the camera position)
(^come|^go|^walk|^drive) (up to|at|for|straight at|straight for) (the camera|the lens|us|camera)
(^head|^move|^run|^ride|^get) (up to|at|for|straight at|straight for) (the camera|the lens|us|camera)
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
    "followed": "(follow|follows|followed)",
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
    "goleft": "(^go|^turn|^move|^head|^travel|^drive|^walk|^ride|^run|^pass) (off|) (to|towards|) (the|) left",
    "goright": "(^go|^turn|^move|^head|^travel|^drive|^walk|^ride|^run|^pass) (off|) (to|towards|) (the|) right",
    "left": """
(to|towards|at|on) (the|) left (hand side|side|edge|half|hand|) of (the|) (picture|image|frame|screen)
(to|towards|at|on) (the|) left (hand side|side|edge|half|hand|) of (the|) (scene|shot|view)
(to|towards|at|on) (the|) left (hand side|side|edge|half|hand|) ()
(leftward|leftwards|left hand)
left (side|edge)
""",
    "right": """
(to|towards|at|on) (the|) right (hand side|side|edge|half|hand|) of (the|) (picture|image|frame|screen)
(to|towards|at|on) (the|) right (hand side|side|edge|half|hand|) of (the|) (scene|shot|view)
(to|towards|at|on) (the|) right (hand side|side|edge|half|hand|) ()
(rightward|rightwards|right hand)
right (side|edge)
""",
    "fromleft": "(from|by) (the|) left (hand side|side|edge|half|hand|) (of the (picture|image|frame|screen)|)",
    "fromright": "(from|by) (the|) right (hand side|side|edge|half|hand|) (of the (picture|image|frame|screen)|)",
    "fromwhich": "(from|by) (which|what) (side|edge|direction|way) (of the (picture|image|frame|screen)|)",
    "leftright": """
(from|) (the|) left to (the|) right or (from|) (the|) right to (the|) left
(from|) (the|) right to (the|) left or (from|) (the|) left to (the|) right
(left or right|right or left|left right|l or r|r or l|left / right)
(leftwards or rightwards|rightwards or leftwards|left , right|right , left|l / r)
left or to the right
(^go|^turn|^move|^head|^travel) (to the|) (left or right|right or left|left or to the right|left , right)
(^drive|^walk|^ride|^run|^pass|^take) (to the|) (left or right|right or left|left or to the right|left , right)
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
    "onfoot": "on foot",
    "wheels": "(something|thing|) (with|on) wheels",
    "later": "(later|afterwards|subsequently|thereafter|later on|from then on)",
    "already": "(at that (time|moment|point)|meanwhile|in the meantime)\n(already|previously|beforehand)",
}
