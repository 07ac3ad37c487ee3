"""Words of a question that carry nothing to look for: grammar, courtesy, and how people put that they want to know.

A word stands here only if leaving it out never changes what is asked of the footage. Owns the lists.
"""

from __future__ import annotations

GRAMMAR = frozenset(
    """
a an the this that these those it its they them their theirs he she him her his hers i you we us me my our your mine
yours be is was are were been being am have has had having do does did done can could would will shall should may might
must of to for at on in by from as and or but so then if whether than there here s d ll re ve t
any some such just one ones else other
""".split()
)
"""Grammar. What of it asks or joins is read by rule before."""

COURTESY = frozenset(
    """
please kindly thanks thank cheers hi hello hey sorry excuse dear okay ok well um uh er hmm yeah yep sir madam mate
possible possibly perhaps maybe kind grateful appreciate help assist favour favor quick quickly briefly now simply
actually really honestly basically truly indeed exactly precisely roughly approximately approx ever even also too
anyway anyhow
""".split()
)

ADVERBS = frozenset(
    """
supposedly apparently allegedly definitely absolutely clearly obviously surely presumably reportedly essentially
particularly specifically personally frankly seriously literally however though therefore thus hence however finally
eventually certainly officially
""".split()
)
OFFICE = frozenset(
    """
compute calculate provide supply deliver return list display print indicate specify identify assess evaluate examine
inspect review analyse analyze scan browse search locate pinpoint clarify validate enlighten inform advise brief share
info information detail details evidence proof result results summary estimate statement claim version story opinion
hint clue audit inquiry investigation paperwork checklist spreadsheet dashboard ledger invoice value values
required requested request enquiry query record records
""".split()
)

ASKING = frozenset(
    """
tell told say said says saying know knows knew ask asks asked asking wonder wonders wondering curious find finding
found check checking verify establish determine figure work need needs needed want wants wanted like love wish
interested interest interests idea give gives show shows look looks looking see sees saw seen watch view sight sights
sighted sighting sightings spot spotted detect detected detects notice noticed noticing catch caught capture captured
captures record records recorded film filmed picked pick picks pickup visible present presence instance occurrence
point answer question questions figure figures state describe description report make made sense
trying try able let think believe guess suppose reckon mean means meant hear heard remember recall sure certain
certainly true safe fair accurate fact case hit
matching match matches existed exist exists happen happened happens going get gets got gotten getting
help let name named namely
""".split()
)

FOOTAGE = frozenset(
    """
camera cameras cam cams cctv picture pictures image images screen scene frame frames shot shots lens
monitor playback archive archives material data system log entire whole complete
around area place room street site spot premises scene
""".split()
)
RECORDING = frozenset("video videos recording recordings footage clip clips tape tapes film file stream feed".split())
"""Read as one word."""

RADIO = frozenset("control base dispatch over roger copy unit".split())

NEUTRAL = GRAMMAR | COURTESY | ADVERBS | OFFICE | ASKING | FOOTAGE | RECORDING | RADIO

TEXT_SPEAK = {
    "u": "you", "ur": "your", "r": "are", "hw": "how", "wat": "what", "wot": "what", "wht": "what", "wen": "when",
    "whn": "when", "wher": "where", "wich": "which", "pls": "please", "plz": "please", "plse": "please",
    "thx": "thanks",
    "lng": "long", "mny": "many", "mani": "many", "ppl": "people", "thru": "through", "abt": "about", "cud": "could",
    "shud": "should", "dis": "this", "dat": "that", "da": "the", "teh": "the", "hte": "the", "vna": "van", "cra": "car",
    "firt": "first", "frist": "first", "fisrt": "first", "frst": "first",
    "bfore": "before", "b4": "before", "aftr": "after", "frm": "from", "wth": "with", "wid": "with", "wo": "without",
    "gonna": "going to", "wanna": "want to", "gotta": "got to", "dunno": "do not know", "cos": "because",
    "anybdy": "anybody", "smbdy": "somebody", "evr": "ever",
    "clr": "colour", "colr": "colour", "truk": "truck", "gimme": "give me", "lemme": "let me",
    "coler": "colour", "col": "colour", "veh": "vehicle",
    "vehs": "vehicles", "n": "and", "ya": "you", "wuz": "was", "iz": "is", "num": "number", "nr": "number",
    "whats": "what is", "whos": "who is", "wheres": "where is", "thats": "that is", "theres": "there is",
    "hows": "how is", "im": "i am", "ive": "i have", "id": "i would", "cant": "can not", "wont": "will not",
    "aint": "is not", "nobodys": "nobody",
}  # fmt: skip

REFERRING = frozenset("it they them he she him her his their its".split())
"""Pronouns: they need somebody or something in the question to stand for."""

ACTIVE = frozenset(
    """
look looks looking check checks checking find finds finding tell tells telling say says saying ask asks asking want
wants wanting need needs needing watch watches watching point points pointing report reports work works working answer
answers think thinks help helps show shows showing record records recording describe describes make makes making try
tries trying pick picks picking like likes love loves hear hears know knows notice notices wonder view
""".split()
)
"""Of the words of asking, those that say what somebody in the picture does where they stand right behind him."""

EXCEPTING = frozenset(
    """
except excluding exclude besides apart unless instead ignoring ignore without only alone again back twice rather
otherwise neither nor same another every each almost half
""".split()
)
"""Words that turn a question round or narrow it: never dropped with the framing."""

FRAMING = frozenset(
    """
i we you my our me us he she they his her their boss manager police insurance lawyer court tenant caller customer
client owner witness witnesses colleague supervisor neighbour neighbor wife husband son daughter mother father friend
head office board council firm company contract policy rules rule regulations regulation law report form log statistics
records shift duty says claims swears insists thinks wants asks needs states argues wrote complains told please
guard security officer dispatcher control base dispatch hello hi sorry okay thanks check
""".split()
)
"""Who asks, and for what: a clause with one of these and nothing to look for is framing."""
TEMPORAL = frozenset("when while during before after until till once since whenever".split())
CONDITIONING = frozenset(
    """
when while during before after until till once since as unless if with without near beside behind between under inside
outside except excluding besides apart instead ignoring only but not no never
""".split()
)

WH = frozenset("what which how whichever whatever when".split())
"""Question words: every form says itself whether it takes one."""
