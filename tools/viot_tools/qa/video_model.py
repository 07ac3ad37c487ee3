"""A vision-language model of transformers that reads frames and writes one line: the seam ``Writer``, its fake, and the
loader.

Frames go in as pictures, each after a line with its time, and not as a video: the frames were chosen by the index, so
they are not evenly spaced, and a video input would give the model a constant rate. It also spares torchvision, which
the video half of transformers' processors wants. Decoding is greedy and bounded, under a regular expression, so that
the required form is the only one that can be written (llguidance, NumPy masks).

Owns loading and generation. Knows no question and no footage.
"""

from __future__ import annotations

import importlib.util
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from viot_agent.cancel import cancelled, heed
from viot_agent.errors import FailedFault, UserFault, WeightsMissing
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_agent.weights.hub import Repositories, first_line, recorded

VARIABLE = "VIOT_VIDEO_LLM"
MAX_NEW_TOKENS = 96
HELP = "set it to a name of viot models list, or hf:NAME[@REVISION] or hf:FOLDER"
_SPEC = re.compile(r"hf:(?P<name>[^@]+?)(?:@(?P<revision>[\w.-]+))?")

Part = str | Image
"""A piece of the prompt: words, or a picture (H, W, 3) uint8 RGB."""


class Writer(Protocol):
    """The seam: one method. Writes what follows the prompt, matching ``pattern`` where it is let finish.

    ``name`` and ``version`` go into evidence.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    def write(self, system: str, parts: Sequence[Part], pattern: str) -> str: ...


class FakeWriter:
    """A writer without a model: says ``line`` (or what ``line`` makes of the prompt) and keeps what it was asked."""

    name, version = "fake-video-llm", "0"

    def __init__(self, line: str | Callable[[Sequence[Part]], str]) -> None:
        self._line = line
        self.asked: list[tuple[str, tuple[Part, ...], str]] = []

    def write(self, system: str, parts: Sequence[Part], pattern: str) -> str:
        """See the protocol."""
        self.asked.append((system, tuple(parts), pattern))
        return self._line if isinstance(self._line, str) else self._line(parts)


@dataclass(slots=True)
class HubWriter:
    """A model of the hub, loaded. Greedy: the same frames and words, the same line. One question at a time."""

    name: str
    version: str
    model: Any
    processor: Any
    max_new_tokens: int = MAX_NEW_TOKENS
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, system: str, parts: Sequence[Part], pattern: str) -> str:
        """One line. Raises UserFault when the prompt is longer than the model reads, StoppedFault when stopped."""
        with self._lock:
            heed()
            return self._write(system, parts, pattern)

    def _write(self, system: str, parts: Sequence[Part], pattern: str) -> str:
        import torch

        inputs = self._inputs(system, parts).to(self.model.device)
        length, limit = inputs["input_ids"].shape[1], self._limit()
        if limit is not None and length + self.max_new_tokens > limit:
            raise UserFault(
                f"the frames and the question take {length} tokens; {self.name} reads {limit}",
                fix="choose a model with a longer context, or fewer frames",
            )
        tokenizer = self.processor.tokenizer
        vocabulary = self.model.get_output_embeddings().weight.shape[0]
        with torch.inference_mode():
            out = self.model.generate(
                **inputs,
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                logits_processor=[_Mask(tokenizer, vocabulary, pattern)],
                stopping_criteria=[_stop],
                pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        heed()
        text: str = tokenizer.decode(out[0, length:], skip_special_tokens=True)
        return text

    def _inputs(self, system: str, parts: Sequence[Part]) -> Any:
        """Tokens and pixels of the chat."""
        from PIL import Image as Pil

        tokenizer = self.processor.tokenizer
        content: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, str):
                content.append({"type": "text", "text": plain(part, tokenizer)})
            else:
                content.append({"type": "image", "image": Pil.fromarray(part)})
        chat = [
            {"role": "system", "content": [{"type": "text", "text": system}]},
            {"role": "user", "content": content},
        ]
        # SmolVLM cuts a large picture into tiles by default: sixteen frames would be two hundred pictures
        options = {"do_image_splitting": False} if hasattr(self.processor.image_processor, "do_image_splitting") else {}
        return self.processor.apply_chat_template(
            chat,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs=options,
        )

    def _limit(self) -> int | None:
        config = self.model.config
        found = getattr(getattr(config, "text_config", config), "max_position_embeddings", None)
        return None if found is None else int(found)


class LaterWriter:
    """The writer of a specification, loaded when it is first asked, once a process: most questions never need it."""

    def __init__(self, spec: str, weights: Weights) -> None:
        self._spec, self._weights = spec, weights

    @property
    def name(self) -> str:
        """As :class:`HubWriter`'s; loads it."""
        return self._loaded().name

    @property
    def version(self) -> str:
        """As :class:`HubWriter`'s; loads it."""
        return self._loaded().version

    def write(self, system: str, parts: Sequence[Part], pattern: str) -> str:
        """See :class:`HubWriter`. Raises what :func:`load` raises."""
        return self._loaded().write(system, parts, pattern)

    def _loaded(self) -> HubWriter:
        key = (os.getpid(), self._spec, self._weights.home, self._weights.models_dir)
        with _LOADING:
            if key not in _LOADED:
                _LOADED.clear()  # one at a time: two of them seldom fit
                _LOADED[key] = load(self._spec, self._weights)
            return _LOADED[key]


_LOADING = threading.Lock()
_LOADED: dict[tuple[int, str, Path, Path | None], HubWriter] = {}


def plain(text: str, tokenizer: Any) -> str:
    """``text`` in which no special token of the tokenizer can be read: a question cannot end its own turn or put in a
    picture."""
    added = (t for t in tokenizer.get_added_vocab() if t[0] in "<[")  # not all that matter are marked as special
    for token in sorted({*tokenizer.all_special_tokens, *added}, key=len, reverse=True):
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def chosen(environment: str | None = None) -> str:
    """The specification in force (``VIOT_VIDEO_LLM``); "" where none is set: a video LLM is never a default."""
    return (os.environ.get(VARIABLE, "") if environment is None else environment).strip()


def load(spec: str, weights: Weights) -> HubWriter:
    """The model of a specification: a name of the manifest, or ``hf:NAME[@REVISION]``.

    ``hf:NAME`` is a folder (the path, or ``VIOT_MODELS/NAME``) or what lies in the hub's own cache. Nothing is fetched
    here. Raises WeightsMissing with the command that fetches it, UserFault for a specification that cannot be read or
    files that have changed, FailedFault for a folder that holds no such model.
    """
    repositories = Repositories(weights)
    if spec in repositories.known:
        folder = repositories.folder(spec)
        return _loaded(spec, repositories.known[spec].revision[:12], folder)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise UserFault(f"{VARIABLE} is {spec!r}", fix=f"{HELP}; known: {', '.join(repositories.known)}")
    folder = _here(match["name"], match["revision"], weights)
    version = match["revision"] or recorded(folder, weights.home / "models" / "recorded" / f"{folder.name}.json")
    return _loaded(match["name"].rstrip("/").rpartition("/")[2], version[:12], folder)


def _here(name: str, revision: str | None, weights: Weights) -> Path:
    """The folder of ``hf:NAME``."""
    own = [Path(name).expanduser()] + ([weights.models_dir / name] if weights.models_dir else [])
    for folder in own:
        if (folder / "config.json").is_file():
            return folder
    from huggingface_hub import snapshot_download

    at = f" --revision {revision}" if revision else ""
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (OSError, ValueError) as error:
        raise WeightsMissing(
            f"the video language model {name} is not on this machine",
            fix=f"hf download {name}{at}, or put its folder at VIOT_MODELS/{name}",
        ) from error


def _loaded(name: str, version: str, folder: Path) -> HubWriter:
    """Load from a folder: safetensors only, no code of the folder is run."""
    import torch
    from transformers import AutoModelForImageTextToText

    _needs(folder)
    try:
        processor = _processor(folder)
        model = AutoModelForImageTextToText.from_pretrained(
            folder, use_safetensors=True, dtype="auto", local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise FailedFault(
            f"{folder} holds no vision-language model that transformers can load: {first_line(error)}",
            fix="choose a model of the Qwen2.5-VL, Qwen3-VL or SmolVLM2 class",
        ) from error
    return HubWriter(name, version, model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), processor)


def _needs(folder: Path) -> None:
    """Raises FailedFault when the model's processor wants a package that is not here."""
    from transformers import AutoConfig

    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    except (OSError, ValueError) as error:
        raise FailedFault(f"{folder} holds no model: {first_line(error)}") from error
    if kind == "smolvlm" and importlib.util.find_spec("num2words") is None:
        raise FailedFault("SmolVLM's processor needs num2words", fix="pip install 'viot-agent[smolvlm]'")


def _processor(folder: Path) -> Any:
    """The model's processor, with its video half left out."""
    from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer
    from transformers.image_processing_utils import BaseImageProcessor
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    known = PROCESSOR_MAPPING[type(config)]

    class NoVideo(BaseImageProcessor):  # type: ignore[misc]
        """Stands where transformers looks for a video processor."""

        num_frames = fps = None
        model_input_names = ()

        def preprocess(self, *_: Any, **__: Any) -> Any:
            raise FailedFault("frames are given as pictures, never as a video")

    class Pictures(known):  # type: ignore[misc, valid-type]
        """The processor for pictures and words."""

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == "video_processor":
                return NoVideo
            return super().check_argument_for_proper_class(argument_name, argument)

    halves = {
        "image_processor": AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True),
        "tokenizer": AutoTokenizer.from_pretrained(folder, local_files_only=True),
        "video_processor": NoVideo(),
    }
    options, rest = known.get_processor_dict(str(folder), local_files_only=True)
    return Pictures.from_args_and_dict([halves[n] for n in known.get_attributes()], options, **rest)


def _stop(ids: Any, scores: Any, **_: Any) -> Any:
    """Transformers' stopping criterion: end at the next token once the run is stopped."""
    import torch

    return torch.full((ids.shape[0],), cancelled(), device=ids.device, dtype=torch.bool)


class _Mask:
    """A logits processor for one ``generate`` call of batch size one: only what keeps the text within ``pattern``."""

    def __init__(self, tokenizer: Any, vocabulary: int, pattern: str) -> None:
        import llguidance
        import llguidance.hf
        import llguidance.numpy as masks

        self._masks = masks
        table = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary)
        self._matcher = llguidance.LLMatcher(table, llguidance.LLMatcher.grammar_from_regex(pattern))
        if self._matcher.is_error():
            raise FailedFault(f"the answer's form is broken: {self._matcher.get_error()}")
        self._bits = masks.allocate_token_bitmask(1, table.vocab_size)
        self._first = True

    def __call__(self, ids: Any, scores: Any) -> Any:
        import torch

        if not self._first:
            self._matcher.consume_token(int(ids[0, -1]))
        self._first = False
        self._masks.fill_next_token_bitmask(self._matcher, self._bits, 0)
        allowed = np.unpackbits(self._bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
        return scores.masked_fill(torch.from_numpy(allowed == 0).to(scores.device), float("-inf"))
