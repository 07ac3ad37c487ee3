"""The learned parser of questions: its arithmetic, its builders form by form, its guards, and the card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from viot_agent.errors import WeightsMissing
from viot_agent.fleet.types import Camera
from viot_agent.llm.mini.assets import ENCODER_SHA256, sha256_of
from viot_agent.sentences import WIDTH, Encoded, FakeSentences
from viot_finetune.qa.parser_net import QuestionNet, Recipe, arrays
from viot_tools.qa.learned.build import BUILDERS, Filled, noun_phrase, programmed
from viot_tools.qa.learned.checks import contradicted, outside
from viot_tools.qa.learned.forms import FORMS, KINDS, SLOTS, UNTOLD
from viot_tools.qa.learned.net import CLASSES, NONE, TAGS, WEIGHTS, Array, Net, Scores, load, one_slot, slots_of
from viot_tools.qa.learned.reader import Guess, Read, Reader, filled
from viot_tools.qa.learned.text import FEATURES, MARKS, marks, masked
from viot_tools.qa.parse import parse
from viot_tools.qa.parse_said import Lost
from viot_tools.qa.parse_text import readable
from viot_tools.qa.program import Pick, Program, Relation, Unparsed
from viot_tools.qa.understand import alike, understand

CAMERAS = [Camera(i, name, "a.mp4", (), "UTC", None) for i, name in enumerate(("gate 2", "loading dock b", "theatre"))]
PEOPLE = ["Ana Silva"]
GARBLED = "the blorp wants it noted on the sheet, gate 2: red van, colour of it?"


def test_every_form_of_the_benchmark_is_told_apart() -> None:
    from viot_tools.bench.video_qa_questions import FORMS as ASKED
    from viot_tools.bench.video_qa_temporal import UNTOLD_FORMS

    assert set(FORMS) == set(ASKED) | set(UNTOLD_FORMS)
    assert set(BUILDERS) == set(FORMS) - set(UNTOLD)
    assert set(KINDS.values()) == set(SLOTS)


# arithmetic ----------------------------------------------------------------------------------------------------------


def test_numpy_computes_what_torch_computes() -> None:
    torch.manual_seed(3)
    net = QuestionNet(Recipe(inner=24, hidden=20)).eval()
    weights = arrays(net)
    for name, value in net.state_dict().items():
        value.copy_(torch.from_numpy(weights[name].astype(np.float32)))
    rng = np.random.default_rng(0)
    ours = Net(weights, 0.0, {})
    for length in (1, 2, 17, 120):
        x = rng.standard_normal((length, FEATURES)).astype(np.float32)
        with torch.no_grad():
            forms, tags = net(torch.from_numpy(x)[None], torch.tensor([length]))
        said = ours(x)
        assert np.abs(said.forms - forms.softmax(1)[0].numpy()).max() < 1e-4
        assert np.abs(said.tags - tags.softmax(2)[0].numpy()).max() < 1e-4


def _tags(*rows: str) -> Array:
    out = np.full((len(rows), len(TAGS)), 0.01, np.float32)
    for i, name in enumerate(rows):
        out[i, TAGS.index(name)] = 0.9
    return out


def test_of_several_networks_the_mean_counts() -> None:
    x = np.random.default_rng(3).normal(size=(6, FEATURES)).astype(np.float32)
    each: list[dict[str, Array]] = []
    for seed in range(3):
        torch.manual_seed(seed)
        each.append({k: np.asarray(v, np.float32) for k, v in arrays(QuestionNet(Recipe())).items()})
    alone = [Net(w, 0.0, {})(x) for w in each]
    both = Net({f"{k}/{name}": value for k, w in enumerate(each) for name, value in w.items()}, 0.0, {})(x)
    assert not np.allclose(alone[0].forms, alone[1].forms, atol=1e-3)
    assert np.allclose(both.forms, np.mean([s.forms for s in alone], axis=0), atol=1e-6)
    assert np.allclose(both.tags, np.mean([s.tags for s in alone], axis=0), atol=1e-6)
    assert both.forms.sum() == pytest.approx(1.0, abs=1e-5)


def test_slots_begin_with_their_begin_and_hold_one_kind() -> None:
    found = slots_of(_tags("O", "B-thing", "I-thing", "O", "B-n", "O"), ("thing", "n"))
    assert [(s.slot, s.first, s.last) for s in found] == [("thing", 1, 3), ("n", 4, 5)]
    assert all(s.sure == pytest.approx(0.9) for s in found)


def test_an_inside_without_a_begin_is_mended_and_less_sure() -> None:
    found = slots_of(_tags("O", "I-thing", "I-thing", "O"), ("thing",))
    assert [(s.slot, s.first, s.last) for s in found] == [("thing", 1, 3)]
    assert found[0].sure < 0.1


def test_slots_that_the_form_has_not_are_not_marked() -> None:
    assert slots_of(_tags("O", "B-option", "I-option"), ("thing",)) == []


# reading -------------------------------------------------------------------------------------------------------------


def test_mentions_of_the_fleet_are_made_alike() -> None:
    one = masked("Was Ana Silva at gate 2 between 14:00 and 14:30?", CAMERAS, PEOPLE)
    other = masked("Was Ana Silva at theatre yesterday?", CAMERAS, PEOPLE)
    assert one.text == other.text == "Was Anna at the lobby this morning?"
    assert (one.cameras, other.cameras) == ((("gate 2",),), (("theatre",),))
    assert one.names == ("Ana Silva",)


def test_characters_move_with_the_mentions() -> None:
    question = "At loading dock b and gate 2 yesterday: red vans?"
    seen = masked(question, CAMERAS)
    start = question.index("red vans")
    a, b = seen.moved(start, start + len("red vans"))
    assert seen.text[a:b] == "red vans"
    assert [seen.text[p.start : p.end] for p in seen.places] == ["the lobby", "the garage", "this morning"]


def test_what_the_lexicon_knows_is_marked() -> None:
    text = "not the red van with 3"
    spans = [(0, 0), (0, 3), (4, 7), (8, 11), (12, 15), (16, 20), (21, 22), (0, 0)]
    found = marks(text, spans, ())
    assert {i: MARKS[int(row.argmax())] for i, row in enumerate(found) if row.any()} == {
        1: "neg", 3: "C", 4: "vehicle", 6: "number",
    }  # fmt: skip


# builders ------------------------------------------------------------------------------------------------------------

MAN = "man with a backpack"
ONE, MANY, WHO, PAIR = {"thing": ("red van",)}, {"thing": ("red vans",)}, {"thing": (MAN,)}, {"b": (MAN,)}
GROUPS: tuple[tuple[Mapping[str, tuple[str, ...]], str], ...] = (
    (ONE, "exists where direction when_first when_last duration approaches still_there"),
    (MANY, "exists_not count at_once enters leaves change busiest compare_cameras"),
    (WHO, "colour_upper colour_lower carried action"),
    ({"thing": ("van",)}, "colour_vehicle second_vehicle_colour"),
    ({}, "kind_first kind_last last_person_upper who_first name_seen"),
    ({"a": ("red van",), **PAIR}, "order left_first before during"),
    ({"a": ("red vans",), **PAIR}, "count_after count_before"),
)
SLOTS_OF: dict[str, Mapping[str, tuple[str, ...]]] = {
    **{form: words for words, forms in GROUPS for form in forms.split()},
    "compare": {"a": ("red vans",), "b": ("men",)},
    "next_after": {"b": (MAN,)},
    "waits": {"thing": ("red van",), "n": ("30",)},
    "count_claim": {"thing": ("red vans",), "n": ("three",)},
    "colour_claim": {"thing": ("van",), "colour": ("dark red",)},
    "did_action": {"thing": (MAN,), "action": ("running",)},
    "mc_colour": {"thing": ("van",), "option": ("red", "blue", "white", "green")},
    "mc_count": {"thing": ("red vans",), "option": ("1", "2", "3", "5")},
    "mc_order": {"option": ("red van", "bus", MAN)},
}
PLAIN = {
    "exists": "Was there a red van?",
    "exists_not": "Is it true that no red van came?",
    "still_there": "Was the red van still there at the end?",
    "name_seen": "Was Ana Silva seen?",
    "did_action": f"Was the {MAN} running?",
    "waits": "Did a red van wait for more than 30 seconds?",
    "approaches": "Did the red van come towards the camera?",
    "colour_upper": f"What colour top did the {MAN} have on?",
    "colour_lower": f"What colour trousers was the {MAN} wearing?",
    "colour_vehicle": "What colour was the van?",
    "colour_claim": "Was the van red?",
    "second_vehicle_colour": "What colour was the second van?",
    "mc_colour": "What colour was the van: red, blue, white or green?",
    "carried": f"What did the {MAN} carry?",
    "direction": "Did the red van go left or right?",
    "kind_first": "What kind of vehicle was first?",
    "kind_last": "What kind of vehicle was last?",
    "last_person_upper": "What colour top did the last person seen have on?",
    "who_first": "Which enrolled person came first?",
    "where": "Where was the red van?",
    "busiest": "Which camera had most red vans?",
    "compare_cameras": "More red vans on gate 2 or on theatre?",
    "when_first": "When was the red van first seen?",
    "when_last": "When did the red van leave?",
    "duration": "How long was the red van there?",
    "action": f"What was the {MAN} doing?",
    "count": "How many red vans were there?",
    "at_once": "What was the most red vans at one time?",
    "count_claim": "Were there more than 3 red vans?",
    "mc_count": "How many red vans were there: 1, 2, 3 or 5?",
    "enters": "How many red vans came in?",
    "leaves": "How many red vans left?",
    "compare": "Were there more red vans or more men?",
    "order": f"Which came first, the red van or the {MAN}?",
    "left_first": f"Which left first, the red van or the {MAN}?",
    "mc_order": f"Which was first: red van, bus or {MAN}?",
    "before": f"Was there a red van before the {MAN} came?",
    "during": f"red van and {MAN} at the same time?",
    "count_after": f"How many red vans came after the {MAN} came?",
    "count_before": f"How many red vans came before the {MAN} came?",
    "next_after": f"What came right after the {MAN}?",
    "change": "Did the number of red vans go up or down from the start to the end?",
}
"""A sentence of each form that the rules read."""


@pytest.mark.parametrize("form", BUILDERS)
def test_a_form_becomes_the_program_that_the_rules_write(form: str) -> None:
    cameras = (("gate 2",), ("theatre",)) if form == "compare_cameras" else ()
    made = programmed(form, Filled(dict(SLOTS_OF[form]), 1.0, cameras, tuple(PEOPLE)))
    ruled = parse(PLAIN[form], cameras=CAMERAS, people=PEOPLE)
    assert isinstance(ruled, Program), readable(ruled)
    assert readable(made) == readable(ruled)
    assert made.type == ruled.type


@pytest.mark.parametrize(
    ("form", "words", "why"),
    [
        ("count", {}, "whom or what"),
        ("count", {"thing": ("vans near the bench",)}, "looks like"),
        ("count", {"thing": ("red flurbs",)}, "looks like"),
        ("colour_vehicle", {"thing": ("man in a hat",)}, "not told of"),
        ("colour_upper", {"thing": ("red van",)}, "not told of"),
        ("colour_claim", {"thing": ("red van",), "colour": ("blue",)}, "two colours"),
        ("colour_claim", {"thing": ("van",), "colour": ("shiny",)}, "do not know"),
        ("count_claim", {"thing": ("vans",), "n": ("a few",)}, "number"),
        ("order", {"a": ("red van",), "b": ("red van",)}, "only one thing"),
        ("exists", {"thing": ("red van", "blue van")}, "which of them"),
        ("mc_order", {"option": ("red van",)}, "choose from"),
        ("mc_order", {"option": ("red van", "the flurb")}, "looks like"),
        ("second_vehicle_colour", {"thing": ("third van",)}, "which of them"),
        ("name_seen", {}, "who is meant"),
        ("compare_cameras", {"thing": ("vans",)}, "two cameras"),
        ("did_action", {"thing": ("man",), "action": ("whistling",)}, "do not know"),
    ],
)
def test_slots_that_cannot_be_read_make_no_program(form: str, words: Mapping[str, tuple[str, ...]], why: str) -> None:
    with pytest.raises(Lost, match=why):
        programmed(form, Filled(dict(words), 1.0))


@pytest.mark.parametrize(("text", "seconds"), [("over 2 minutes?", 120), ("over 45 s?", 45), ("over 1 hour", 3600)])
def test_a_wait_has_the_unit_that_is_written(text: str, seconds: float) -> None:
    at = text.index(next(c for c in text if c.isdigit()))
    number = text[at:].split()[0]
    seen = masked("van " + text)
    guess = Guess("waits", 1.0, (("thing", 0, 3), ("n", at + 4, at + 4 + len(number))))
    assert programmed("waits", filled(seen, guess)).picks[0].stay == (seconds, None)
    bare = Guess("waits", 1.0, (("thing", 0, 3), ("n", 9, 10)))
    with pytest.raises(Lost, match="seconds or minutes"):
        programmed("waits", filled(masked("van over 2?"), bare))


def test_a_noun_phrase_is_read_whole() -> None:
    assert noun_phrase("the man in a blue jacket without a hat").plural is False
    for words in ("man and woman", "van or bus", "man yesterday evening at the fountain", ""):
        with pytest.raises(Lost):
            noun_phrase(words)


# guards --------------------------------------------------------------------------------------------------------------


class Sure(Net):
    """A network that finds one form and its slots in any sentence of :class:`FakeSentences`."""

    def __init__(self, form: str, words: Mapping[str, str], question: str, sure: float = 1.0) -> None:
        super().__init__({}, 0.8, {form: frozenset({"colour", "rec"})})
        seen = masked(question, CAMERAS, PEOPLE)
        encoded = FakeSentences().encode(seen.text)
        assert encoded is not None
        self._forms = np.full(len(CLASSES), 0.0, np.float32)
        self._forms[CLASSES.index(form)] = sure
        self._tags = np.zeros((len(encoded.spans), len(TAGS)), np.float32)
        self._tags[:, 0] = 1.0
        for slot, said in words.items():
            start = seen.text.index(said)
            inside = [i for i, (a, b) in enumerate(encoded.spans) if a < b and start <= a and b <= start + len(said)]
            for n, i in enumerate(inside):
                self._tags[i] = 0.0
                self._tags[i, TAGS.index(f"{'I' if n else 'B'}-{slot}")] = 1.0

    def __call__(self, x: Array) -> Scores:
        return Scores(self._forms, self._tags)


def _read(form: str, words: Mapping[str, str], question: str, sure: float = 1.0) -> Read:
    net = Sure(form, words, question, sure)
    return Reader(net, FakeSentences).read(question, CAMERAS, PEOPLE)


def test_a_sure_reading_becomes_a_program() -> None:
    read = _read("colour_vehicle", {"thing": "red van"}, "the blorp of my shift : colour on the red van please")
    assert read.program is not None and read.form == "colour_vehicle"


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("the colour of the white van that did not stop at the blorp", "not"),
        ("the colour of the white van which never left the blorp", "left|never|leaves|still"),
        ("the colour of the white van without its blorp", "without|not"),
        ("the colour of the white van with 3 blorps", "number"),
        ("the colour of the white van behind the red blorp", "colour"),
        ("the colour of the white van blorped by the man", "another thing"),
        ("the colour of the other white van except the blorped", "except"),
        ("the colour of the white van again , a third blorp", "again|ordinal"),
    ],
)
def test_a_condition_outside_of_the_slots_makes_it_unread(question: str, why: str) -> None:
    read = _read("colour_vehicle", {"thing": "white van"}, question)
    assert read.program is None
    assert "goes with the rest" in read.reason
    assert any(w in read.reason for w in why.split("|")), read.reason


def test_a_reading_below_the_threshold_is_none() -> None:
    question = "the blorp of my shift : colour on the red van please"
    assert _read("colour_vehicle", {"thing": "red van"}, question, 0.79).program is None
    assert _read(NONE, {}, question).program is None


class Never(Reader):
    """A reader that must not be asked."""

    def __init__(self) -> None:
        super().__init__(Net({}, 0.0, {}), FakeSentences)

    def read(self, *_: object, **__: object) -> Read:
        raise AssertionError("the network was asked")


def test_a_question_that_no_footage_answers_is_told_so() -> None:
    question = "the blorp wants the motive of the man behind it all"
    net = Sure("why", {}, question)
    said = understand(question, cameras=CAMERAS, reader=Reader(net, FakeSentences))
    assert isinstance(said.parsed, Unparsed) and said.parsed.type == "why"


@pytest.mark.parametrize("question", ["", "?!", "Wie viele Leute waren da?", "Was a van at gate 9?", "x " * 500])
def test_what_nobody_can_read_does_not_reach_the_network(question: str) -> None:
    said = understand(question, cameras=CAMERAS, people=PEOPLE, reader=Never())
    assert isinstance(said.parsed, Unparsed) and said.parser == ""


class Told(Reader):
    """A reader that reads one thing in any sentence."""

    def __init__(self, read: Read) -> None:
        super().__init__(Net({}, 0.0, {}), FakeSentences)
        self._told = read

    def read(self, *_: object, **__: object) -> Read:
        return self._told


VAN = Pick("vehicle", labels=("van",))
COLOUR = Program("attribute", (VAN,), "which_colour", attribute="colour")


@pytest.mark.parametrize(
    ("question", "read", "parser"),
    [
        ("What colour was the van?", Read(reason="not sure"), "rules"),
        ("What colour was the van?", Read(COLOUR, "colour_vehicle", 0.99), "rules"),
        ("Where was the van?", Read(COLOUR, "colour_vehicle", 0.74), "rules"),
        ("Where was the van?", Read(COLOUR, "colour_vehicle", 0.76), "learned"),
        ("Was the van white?", Read(COLOUR, "colour_vehicle", 0.99), "rules"),
        ("How many vans left?", Read(Program("count", (VAN,), "how_many"), "count", 0.99), "rules"),
        ("Where was the van?", Read(None, "hidden", 0.9), "rules"),
        ("Where was the van?", Read(None, "hidden", 0.96), "learned"),
    ],
)
def test_the_rules_go_first_but_for_a_sure_reading_that_leaves_nothing_out(
    question: str, read: Read, parser: str
) -> None:
    said = understand(question, cameras=CAMERAS, reader=Told(read))
    assert said.parser == parser
    assert bool(said.note) == (parser == "learned" and read.program is not None)


@pytest.mark.parametrize(("sure", "relied"), [(0.94, False), (0.96, True)])
def test_an_unsure_reading_is_not_vouched_for(sure: float, relied: bool) -> None:
    said = understand("Where was the van?", cameras=CAMERAS, reader=Told(Read(COLOUR, "colour_vehicle", sure)))
    assert said.parser == "learned"
    assert said.relied is relied
    assert understand("What colour was the van?", cameras=CAMERAS).relied, "the rules leave no word out"


def test_of_what_is_compared_either_may_stand_first() -> None:
    bus = Pick("vehicle", labels=("bus",))
    one = Program("order", (VAN, bus), "order", options=("van", "bus"))
    assert alike(one, Program("order", (bus, VAN), "order", options=("bus", "van")))
    assert not alike(one, Program("order", (bus, VAN), "order", edge="end", options=("bus", "van")))
    while_there = Program("exists", (replace(VAN, when=(Relation("during", bus),)),), "before_after")
    assert alike(while_there, Program("exists", (replace(VAN, when=(Relation("together", bus),)),), "before_after"))
    assert not alike(while_there, Program("exists", (replace(bus, when=(Relation("during", VAN),)),), "before_after"))


def test_without_a_reader_the_rules_read_alone() -> None:
    assert understand("What colour was the van?", cameras=CAMERAS).parser == "rules"
    assert understand("the blorp of the van?", cameras=CAMERAS).parser == ""


def test_a_sentence_too_long_for_the_encoder_is_unread() -> None:
    class Full:
        def encode(self, text: str) -> Encoded | None:
            return None

    net = Sure("exists", {}, "a")
    assert Reader(net, Full).read("a").program is None


# what ships ----------------------------------------------------------------------------------------------------------


def test_the_shipped_weights_are_small_and_carded() -> None:
    assert WEIGHTS.stat().st_size < 2e6
    card = WEIGHTS.with_suffix(".md").read_text("utf-8")
    assert sha256_of(WEIGHTS) in card and ENCODER_SHA256 in card
    net = load()
    assert f"- threshold: {net.threshold:.2f}," in card
    assert net.threshold >= 0.3 and set(net.outside) == set(FORMS)


def test_missing_damaged_or_other_weights_say_what_to_do(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    damaged, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    damaged.write_bytes(b"not it")
    save_file(
        {"x": np.zeros(1, np.float16)},
        other,
        metadata={"classes": json.dumps(["exists"]), "tags": "[]", "outside": "{}", "threshold": "0"},
    )
    for path in (tmp_path / "none.safetensors", damaged, other):
        with pytest.raises(WeightsMissing, match=r"parser|version") as fault:
            load(path)
        assert "viot_finetune.qa.parser" in fault.value.fix


def test_features_are_what_the_weights_were_trained_on() -> None:
    several = [v for k, v in load().arrays.items() if k.endswith("project.weight")]
    assert several and {v.shape[1] for v in several} == {FEATURES} and WIDTH + len(MARKS) == FEATURES


@pytest.mark.parametrize(
    ("form", "text", "against"),
    [
        ("count_claim", "were there more than 3 red vans", ""),
        ("count_claim", "were there fewer than 3 red vans", "fewer"),
        ("count_claim", "were there exactly 3 red vans", "exactly"),
        ("waits", "did the van park for at most 30 s", "at most"),
        ("order", "which of the two came first", ""),
        ("order", "which of the two was out first", "out"),
        ("left_first", "which of the two stayed longer", "stayed"),
        ("when_first", "until when was it there", "until"),
        ("count_after", "count those after it", ""),
        ("count_after", "count those before it", "before"),
        ("count_before", "count those that came later", "later"),
        ("count_before", "count those before it and not later", ""),
        ("still_there", "was the motorbike empty", "that"),
        ("still_there", "was it yet to go at the finish", ""),
        ("second_vehicle_colour", "colour of the third one", "that"),
        ("action", "walking or running, which", ""),
        ("action", "so he was running, or not running", "action"),
        ("mc_count", "of the figures 3 and some", "number"),
        ("still_there", "did it stay empty to the end", "empty"),
        ("kind_last", "which of these is shown last", "that"),
        ("colour_upper", "what colour is the tie", "tie"),
        ("direction", "did it go to the left", "one side"),
        ("did_action", "does she run", "pronoun"),
    ],
)
def test_words_of_another_form_speak_against_it(form: str, text: str, against: str) -> None:
    found = contradicted(form, text, (), outside(text, ()))
    assert (against in found) if against else found == ""


@pytest.mark.parametrize(
    ("form", "text", "sure", "against"),
    [
        ("duration", "No idea how long it was there", 0.0, ""),
        ("duration", "how long was it not there", 0.99, "not"),
        ("where", "Could somebody work out where it was", 0.0, ""),
        ("where", "where was somebody with it", 0.99, "thing"),
        ("when_first", "when, to the second, was it first there", 0.0, ""),
        ("when_first", "when was the second one first there", 0.99, "ord:2"),
        ("before", "was it there b4 it", 0.0, ""),
        ("change", "up, down or neither", 0.9, ""),
        ("change", "up, down or neither", 0.5, "neither"),
        ("when_last", "stop at it and note the time when it was last there", 0.9, ""),
        ("when_last", "stop at it and note the time when it was last there", 0.5, "waits"),
        ("when_last", "when was it last there, full stop", 0.0, ""),
        ("exists", "did it come to a full stop", 0.99, "waits"),
        ("duration", "how long did it stay for the second time", 0.99, "ord:2"),
        ("kind_first", "what kind of vehicle was the second that came", 0.99, "ord:2"),
        ("when_first", "when did the second that arrived get there first", 0.99, "ord:2"),
        ("count", "total only", 0.96, ""),
        ("count", "total only", 0.9, "only"),
        ("action", "what only was it doing", 0.99, "only"),
        ("count", "how many in all? Don't count the parked one", 0.99, "count"),
        ("count", "how many in all, not counting anybody twice", 0.99, ""),
        ("colour_upper", "which colour do most of them wear on top", 0.99, "most of"),
        ("did_action", "it is doing that, isn't it?", 0.99, ""),
        ("when_first", "when is it first there at the glass door", 0.99, "at the glass door"),
        ("enters", "how many come in through the door", 0.99, ""),
        ("when_first", "when does somebody appear in the shop doorway", 0.99, "doorway"),
        ("when_first", "when does somebody come to the glass door", 0.99, "glass door"),
        ("approaches", "are they coming towards the camera or going away from it", 0.99, "or"),
        ("approaches", "is anybody coming towards the camera", 0.99, ""),
        ("approaches", "is he walking towards the camera or from it", 0.99, "or"),
    ],
)
def test_turns_of_phrase_that_say_nothing_pass_and_what_narrows_does_not(
    form: str, text: str, sure: float, against: str
) -> None:
    found = contradicted(form, text, (), load().outside[form], sure)
    assert (against in found) if against else found == ""


@pytest.mark.parametrize(
    ("text", "against"),
    [
        ("colour of the coat of the woman with the pushchair", "with"),
        ("colour of the coat of the woman near the bench", "near"),
        ("colour of the coat of the woman near the lobby", ""),
        ("colour of the coat that the woman wearing jeans has", ""),
    ],
)
def test_what_stands_right_behind_a_thing_belongs_to_it(text: str, against: str) -> None:
    at = text.index("woman")
    slots = (("thing", at, at + 5),)
    found = contradicted("colour_upper", text, slots, outside(text, slots))
    assert (against in found) if against else found == ""


def test_only_one_slot_is_asked_where_two_may_be_exchanged() -> None:
    tags = _tags("O", "B-a", "B-b")
    tags[1, TAGS.index("B-a")] = tags[1, TAGS.index("B-b")] = 0.45
    assert [s.slot for s in slots_of(one_slot(tags), ("a", "b"))] == ["a", "a"]
    assert slots_of(one_slot(tags), ("a", "b"))[0].sure == pytest.approx(0.9)
    red, blue = ("red van",), ("blue van",)
    one, other = (
        programmed("compare", Filled({"a": (*red, *blue)})),
        programmed("compare", Filled({"a": red, "b": blue})),
    )
    assert one == other


def test_tags_outside_of_slots_are_what_may_narrow_a_question() -> None:
    text = "not more than 3 red vans near the man"
    assert {"neg", "n", "N"} & outside(text, ((("thing"), 16, 24),))
    assert "C" not in outside(text, (("thing", 16, 24),))
