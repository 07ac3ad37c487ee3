"""Public layouts, each in a file or two of our own making; WordNet's files in a tiny one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from viot_agent.errors import UserFault
from viot_tools.bench.video_qa_suites import SUITES, SuiteQuestion, read_suite, videos
from viot_tools.bench.video_qa_wups import load, wups

NEXT = "video,frame_count,width,height,question,answer,qid,type"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def one(name: str, folder: Path, split: str = "dev") -> list[SuiteQuestion]:
    return read_suite(name, folder, split)


def test_nextqa(tmp_path: Path) -> None:
    options = "ran off,sat down,sang,waved,slept"
    write(tmp_path, "nextqa/val.csv", f"{NEXT},a0,a1,a2,a3,a4\n400,90,640,480,why did the dog bark,3,6,CW,{options}\n")
    [q] = one("nextqa", tmp_path)
    assert (q.id, q.video, q.type, q.group, q.answer) == ("400_6", "400", "why", "CW", "waved")
    assert q.options == tuple(options.split(","))


def test_nextqa_open_ended(tmp_path: Path) -> None:
    rows = "400,90,640,480,what was held,cup,0,DO,mug\n401,90,640,480,how many geese,2,1,DC,\n"
    write(tmp_path, "val.csv", f"{NEXT},additional_ref_answer\n{rows}")
    a, b = one("nextqa-oe", tmp_path)
    assert (a.answer, a.accept, a.options) == ("cup", ("mug",), ())
    assert (b.type, b.accept) == ("how_many", ())


def test_msvd_and_msrvtt(tmp_path: Path) -> None:
    row = {"id": 7, "video_id": 12, "question": "how many men lift a log?", "answer": "two", "category_id": 3}
    write(tmp_path, "val_qa.json", json.dumps([row]))
    write(tmp_path, "youtube_mapping.txt", "-abc_1_9 vid12\n")
    [q] = one("msvd-qa", tmp_path)
    assert (q.video, q.type, q.group, q.answer) == ("-abc_1_9", "how_many", "how", "two")
    assert one("msrvtt-qa", tmp_path)[0].video == "video12"


def test_activitynet(tmp_path: Path) -> None:
    write(tmp_path, "test_q.json", json.dumps([{"video_name": "x1", "question": "is it wet", "question_id": "x1_2"}]))
    write(tmp_path, "test_a.json", json.dumps([{"answer": "yes", "type": 3, "question_id": "x1_2"}]))
    [q] = one("activitynet-qa", tmp_path, "test")
    assert (q.video, q.group, q.answer) == ("v_x1", "yes-no", "yes")


def test_tgif(tmp_path: Path) -> None:
    options = "\t".join(f"a{i}" for i in range(1, 6))
    five = "jump\tsit\tnod\trun\tspin"
    for task in ("action", "transition"):
        text = f"gif_name\tquestion\t{options}\tanswer\tvid_id\tkey\ng1\twhat then?\t{five}\t2\tID1\t5\n"
        write(tmp_path, f"Test_{task}_question.csv", text)
    write(tmp_path, "Test_count_question.csv", "gif_name\tquestion\tanswer\tvid_id\tkey\ng2\thow often?\t4\tID2\t6\n")
    text = "gif_name\tquestion\tanswer\ttype\tvid_id\tkey\ng3\twhat colour?\tblue\t2\tID3\t7\n"
    write(tmp_path, "Test_frameqa_question.csv", text)
    action, transition, count, frame = one("tgif-qa", tmp_path)
    assert (action.answer, action.type, transition.type) == ("nod", "action", "state_change")
    assert (count.answer, count.metric) == (4.0, "mse")
    assert (frame.answer, frame.type, frame.group) == ("blue", "which_colour", "frame colour")


def test_clevrer(tmp_path: Path) -> None:
    choices = [
        {"choice_id": 0, "choice": "the cube", "answer": "correct"},
        {"choice_id": 1, "choice": "b", "answer": "wrong"},
    ]
    questions = [
        {"question_id": 0, "question": "How many?", "question_type": "descriptive", "answer": "3"}
        | {"question_subtype": "count"},
        {"question_id": 1, "question": "What next?", "question_type": "predictive", "choices": choices},
    ]
    scene = {"scene_index": 10000, "video_filename": "video_10000.mp4", "questions": questions}
    write(tmp_path, "validation.json", json.dumps([scene]))
    count, yes, no = one("clevrer", tmp_path)
    assert (count.type, count.answer, count.whole) == ("how_many", "3", "")
    assert (yes.answer, no.answer, yes.whole) == ("yes", "no", no.whole)
    assert yes.video == "video_10000"


def test_star(tmp_path: Path) -> None:
    choices = [{"choice_id": 0, "choice": "The door."}, {"choice_id": 1, "choice": "It."}]
    row = {"question_id": "Sequence_T1_5", "question": "What came after?", "answer": "The door.", "video_id": "AB12"}
    row |= {"start": 3.5, "end": 9.0, "choices": choices}
    write(tmp_path, "STAR_val.json", json.dumps([row]))
    [q] = one("star", tmp_path)
    assert (q.type, q.part, q.options) == ("before_after", (3.5, 9.0), ("The door.", "It."))


def test_tvqa(tmp_path: Path) -> None:
    row = {f"a{i}": f"option {i}" for i in range(5)} | {"answer_idx": 4, "q": "Where is the key?", "qid": 9}
    lines = [row | {"ts": "1.2-8.4", "vid_name": "s01_clip"}, row | {"ts": "nan-nan", "vid_name": "s02_clip"}]
    write(tmp_path, "tvqa_val.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    a, b = one("tvqa", tmp_path)
    assert (a.answer, a.type, a.part, b.part) == ("option 4", "where", (1.2, 8.4), None)


@pytest.mark.parametrize("name", SUITES)
def test_missing_files_and_other_layouts_are_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="there is no"):
        read_suite(name, tmp_path, "dev")
    for file in ("val.csv", "val_q.json", "val_a.json", "val_qa.json", "validation.json", "STAR_val.json"):
        write(tmp_path, file, '[{"other": 1}]')
    for task in ("action", "transition", "count", "frameqa"):
        write(tmp_path, f"Test_{task}_question.csv", "x\n1\n")
    write(tmp_path, "tvqa_val.jsonl", "{}\n")
    write(tmp_path, "youtube_mapping.txt", "a vid1\n")
    with pytest.raises(UserFault, match=r"is not laid out as|holds no dev question"):
        read_suite(name, tmp_path, "dev")


def test_an_unknown_suite_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="no suite 'movieqa'"):
        read_suite("movieqa", tmp_path, "dev")


def test_videos_are_found_by_their_stem(tmp_path: Path) -> None:
    write(tmp_path, "videos/a/0001/400.mp4", "")
    write(tmp_path, "notes.txt", "")
    assert list(videos(tmp_path)) == ["400"]


INDEX = """  1 a line of the licence
entity n 1 1 ~ 1 0 00000001
animal n 1 2 @ ~ 1 0 00000002
dog n 1 2 @ ~ 1 0 00000003
cat n 1 1 @ 1 0 00000004
stone n 1 1 @ 1 0 00000005
"""
DATA = """  1 a line of the licence
00000001 03 n 01 entity 0 000 | that which is
00000002 03 n 01 animal 0 001 @ 00000001 n 0000 | lives
00000003 05 n 01 dog 0 001 @ 00000002 n 0000 | barks
00000004 05 n 02 cat 0 true_cat 0 001 @ 00000002 n 0000 | purrs
00000005 05 n 01 stone 0 001 @i 00000001 n 0000 | lies
"""


def test_wups(tmp_path: Path) -> None:
    write(tmp_path, "index.noun", INDEX)
    write(tmp_path, "data.noun", DATA)
    nouns = load(tmp_path)
    # dog and cat meet at animal, two nodes from the root: 2 * 2 / (1 + 1 + 2 * 2)
    assert nouns.similarity("dog", "cat") == pytest.approx(4 / 6)
    # dog and stone meet at entity: 2 * 1 / (2 + 1 + 2 * 1)
    assert nouns.similarity("dog", "stone") == pytest.approx(2 / 5)
    assert nouns.similarity("dogs", "cat") == pytest.approx(4 / 6)
    assert nouns.similarity("catmen", "dog") == 0.0
    assert nouns.similarity("hounds", "dog") == 0.0
    write(tmp_path, "noun.exc", "hounds dog\n")
    assert load(tmp_path).similarity("hounds", "cat") == pytest.approx(4 / 6)
    assert nouns.similarity("sprocket", "sprocket") == 1.0
    assert nouns.similarity("sprocket", "dog") == 0.0
    assert wups(nouns, "dog", "cat", 0.0) == pytest.approx(4 / 6)
    assert wups(nouns, "dog", "cat", 0.9) == pytest.approx(0.4 / 6)
    # of sets, the smaller of the two products of best matches
    assert wups(nouns, "dog, stone", "dog", 0.0) == pytest.approx(min(1.0 * 0.4, 1.0))
    assert wups(nouns, "", "dog", 0.0) == 0.0


def test_without_wordnet_it_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="WordNet") as fault:
        load(tmp_path)
    assert "apt-get install wordnet-base" in fault.value.fix
    write(tmp_path, "index.noun", "dog n x\n")
    write(tmp_path, "data.noun", "")
    with pytest.raises(UserFault, match="WordNet"):
        load(tmp_path)
