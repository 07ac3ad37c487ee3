"""Phrases that only dress a question, and compounds that name something else than their parts.

See ``lexicon`` for the notation.
"""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "nil": """
(the|) (whole|entire|full) time
(^get|^be) (crowded|busy|full)
(picked|pick|picks) (it|him|her|them) up
(best|most closely) (fits|describes|matches|describe|fit|match)
at least (one|a)
settle (this|it|an argument|the matter|the question)
(put|place|set) a (tick|cross|mark)
^become
and only then
in case (there (was|is)|) more than one
(you|we) (would|did|could|do) not (happen to|by any chance)
(would|did) (you|we) (happen to|by any chance)
(anything|something) on (the|our|your) <rec>
(run|talk|walk|take|guide) me through
(be|is|are) so (kind|good) (and|as to|to|)
(are|is|were) (we|you|they) talking about
how (crowded|busy|full) (did|does|was|is) it (get|)
would you (call|say|describe)
(am i|are we|was i|were we) (right|correct|wrong) in (thinking|assuming|saying|believing) (that|)
(i|we) can not (find|see|spot|locate)
did (i|we) miss
going (on|)
(recording|picture|pictures|image|images|view|camera|material|data) (from|of|at) <cam>
(it|this) (is|was|would be) (safe|fair|right|accurate|true) to (say|state|claim|assume) (that|)
(would|is|will) it (be|) (safe|fair|right|accurate|true) to (say|state|claim|assume) (that|)
(is|was) it (a fact|the case|so) that
it is (a fact|the case) that
in the act of
(of|out of) the two (of them|)
the two of them
on (the|our) premises
(through|across|thru) (this|the) (room|street|scene|picture|place|area|frame|view)
(which|what) option
(is|are|was|were) there to be seen
my guess is
if (i|we) (am|are) not mistaken
(around|about) (here|there|the place)
(anywhere|somewhere|throughout|completely|entirely|yet|so far|up to now)
at (any|some|one) (time|point|stage|moment)
at all
(in front of|near|by|outside|inside|around|through|over at|in the (picture|view|recording|video) of) <cam>
(does|did|would) (that|this|it) (hold up|hold true|hold|stand up|check out|fit)
(back|backs) (her|him|me|us|them) up
(am|was|is|were|are) (i|he|she|that|they|we|this|it|you) (wrong|safe|mistaken)
(was|is|were|are) (they|we|you) (right|correct|true)
am (he|she|they|it|i) (safe)
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
(choose|pick|select|tick|mark|take) (one|only one|from|among|the right one) (of|from|among|for|out of|)
(choose|pick|select|tick|mark|take) (the correct one|the right answer|the correct|) (of|from|among|for|out of|)
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
(when|as|while) (it|he|she|they) (^come|^go|^pass|^walk) (by|past|through|up|in|along|) (<cam>|)
(when|as|while) (it|he|she|they) (^drive|^appear|^show|^turn) (by|past|through|up|in|along|) (<cam>|)
(during|throughout|over|for|in|across) (the|this|that) (whole|entire|full|complete|) <rec> (of <cam>|)
(throughout|all through) (the|this|that) (whole|entire|) <rec>
(^pick) up
how (big|many|large|great) (was|is|were) (it|that|they)
the right (word|answer|one|colour|color|number|description) (for|to|)
(right|correct) (answer|option|one|box) (for|)
closest to the truth (about|)
fire (regulations|regulation|marshal|safety|drill|report|exit|brigade|officer)
fire (inspection|warden|code|service|department|door|alarm|escape|certificate)
(who|which|which one|which of us|who of us|which of them) (is|was) (right|correct)
(i|we|you) (can|may|could) only (tick|pick|choose|select|mark) one (box|answer|option) (for|)
(showing|shown)
one after (another|the other)
among (the|)
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
(on|to) the (screen|monitor)
to be seen
(could|can) (i|we|one|you) (also|) (see|spot|find|make out)
""",
    "correction": """
(no|nope|sorry|oh|ah|er|oops) wait
wait no
(no|nope|oops) (sorry|scratch that|scrap that|correction)
scratch that
correction
i (meant|mean to say)
(on|) second thoughts
""",
    "unknown": """
(off|of) (the|) (left|right) (hand side|side|edge|half|hand|)
(just|only|exactly) (one|a single)
(car|bus|bike|truck|lorry) (parks|stops|lane|lanes|driver|drivers|rack|shed|shelter|station|wash)
(car|bus|bike|truck|lorry) (door|doors|alarm|key|keys|seat|bay|terminal)
(in|at|near|by|from|to|into|outside|behind|on|off) (the|a|our|this|that) (car|bus|truck|lorry|bike) (park|stop)
(car|bus|bike|truck|lorry) (shelter|station|wash|door|doors|alarm|key|keys|seat|bay|terminal)
people carrier
""",
}
