"""Where a search's time goes, and how far its matrix products are from the machine's limit.

A trace of the compiled program gives the time of every operation that ran; the program's text says
which Python functions each came from, and for a matrix product what it computes. Operations on two
threads at a time count twice, so shares are of the sum. Knows nothing of the tracer's format beyond
`jax.profiler.ProfileData`.
"""

import dataclasses
import math
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import jax
from engine_systems import Ours

from gram_jax.decoding.beam_search import beam_search

PARTS = (  # the first that a function, or a room, of an operation's call stack belongs to
    ("encoder", ("CachedDecoder.prefill",)),
    ("cache moved between beams", ("CachedDecoder.reorder",)),
    ("output logits", ("EncoderDecoder.logits",)),
    ("decoder layers", ("CachedDecoder.step",)),
    ("trie", ("trie/", "_edge", "_tokens_of")),
    ("normalising", ("vocabulary_normalizers", "allowed_normalizers")),
)
TOP_K, SCORING, OTHER = "top-k", "scoring and bookkeeping", "loops and copies"
_SIZES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s64": 8, "u64": 8, "f64": 8}
_CONTAINERS = ("while", "conditional", "call")
_SEARCHES = 5


@dataclasses.dataclass
class Operation:
    """An instruction of the compiled program."""

    part: str
    flops: float = 0.0
    bytes: float = 0.0  # read and written by a matrix product


def profile(config, params, rows, queries, beam_size: int, limits: dict) -> dict:
    """Shares of the time by part at batch 1 and 8, and the products' distance to the limit."""
    ours = Ours(config, params, rows, beam_size=beam_size, endings="all")
    return {str(batch): _of_batch(ours, queries[:batch], limits) for batch in (1, 8)}


def _of_batch(ours: Ours, queries, limits: dict) -> dict:
    ours.search(queries)
    text = beam_search.lower(
        ours.decoder, ours.trie, queries, **ours.options).compile().as_text()
    operations = read_program(text)
    seconds, flops, floor, product_seconds = defaultdict(float), 0.0, 0.0, 0.0
    for name, duration in _trace(lambda: ours.search(queries)):
        operation = operations.get(name, Operation(OTHER))
        seconds[operation.part] += duration
        if operation.flops:
            flops += operation.flops
            product_seconds += duration
            floor += max(operation.flops / (1e9 * limits["gflops"]),
                         operation.bytes / (1e9 * limits["gbytes"]))
    total = sum(seconds.values())
    return {"milliseconds": 1e3 * total / _SEARCHES,
            "shares": {part: value / total for part, value in
                       sorted(seconds.items(), key=lambda item: -item[1])},
            "mflop": 1e-6 * flops / _SEARCHES,
            "product_milliseconds": 1e3 * product_seconds / _SEARCHES,
            "floor_milliseconds": 1e3 * floor / _SEARCHES}


def _trace(search) -> list[tuple[str, float]]:
    """Name and seconds of every operation that ran, those that contain others left out."""
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(_SEARCHES):
                search()
        [file] = Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(file))
        events = []
        for line in (line for plane in data.planes for line in plane.lines):
            for event in line.events:
                name = dict(event.stats).get("hlo_op")
                if name and not name.startswith(_CONTAINERS) and not event.name.startswith("end:"):
                    events.append((str(name), 1e-9 * event.duration_ns))
    return events


def read_program(text: str) -> dict[str, Operation]:
    """The instructions of a compiled program's text, by name."""
    stacks, bodies = _call_stacks(text), _computations(text)
    operations = {}
    for lines in bodies.values():
        for line in lines:
            name, callee = re.match(r"\s*(?:ROOT )?%([\w.-]+) = ", line), re.search(
                r"(?:calls|to_apply)=%([\w.-]+)", line)
            if name:
                inside = bodies.get(callee.group(1), []) if callee else []
                operations[name.group(1)] = _operation(line, inside, stacks)
    return operations


def _operation(line: str, inside: list[str], stacks: dict[int, set[str]]) -> Operation:
    functions: set[str] = set()
    for source in [line, *inside]:
        frame = re.search(r"stack_frame_id=(\d+)", source)
        if frame:
            functions = stacks.get(int(frame.group(1)), set())
            break
    part = next((part for part, names in PARTS if functions & set(names)),
                SCORING if functions else OTHER)
    if part == SCORING and re.search(r"top_k|TopK|topk| sort\(", line):
        part = TOP_K
    operation = Operation(part)
    for product in (source for source in [line, *inside] if " dot(" in source):
        flops, size = _product(product, [line, *inside])
        operation.flops += flops
        operation.bytes += size
    return operation


def _product(line: str, lines: list[str]) -> tuple[float, float]:
    """FLOPs of a `dot`, and bytes of its operands and result."""
    shapes = {match.group(1): match.group(2, 3) for match in (
        re.search(r"%([\w.-]+) = (\w+)\[([\d,]*)\]", other) for other in lines) if match}
    result, left, right = re.search(
        r"%([\w.-]+) = \S+ dot\(%([\w.-]+), %([\w.-]+)\)", line).groups()
    contracted = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", line).group(1)
    # An operand made elsewhere has no shape here; the product is then left uncounted.
    if left not in shapes or right not in shapes:
        return 0.0, 0.0
    left_sizes = _dims(shapes[left][1])
    depth = math.prod(left_sizes[int(axis)] for axis in contracted.split(",") if axis)
    size = sum(_SIZES.get(shapes[name][0], 4) * math.prod(_dims(shapes[name][1]))
               for name in (result, left, right))
    return 2.0 * depth * math.prod(_dims(shapes[result][1])), float(size)


def _dims(text: str) -> list[int]:
    return [int(size) for size in text.split(",") if size]


def _computations(text: str) -> dict[str, list[str]]:
    bodies, current = {}, None
    for line in text.splitlines():
        head = re.match(r"(?:ENTRY )?%([\w.-]+) \(.*\{$", line)
        if head:
            current = bodies.setdefault(head.group(1), [])
        elif current is not None:
            current.append(line)
    return bodies


def _call_stacks(text: str) -> dict[int, set[str]]:
    """Functions on each call stack, and rooms ('trie/') they are in, by its last frame's number."""
    def table(title: str) -> list[str]:
        found = re.search(rf"^{title}\n((?:\d+ .*\n)+)", text, re.MULTILINE)
        return found.group(1).splitlines() if found else []

    names = [line.split('"')[1].rsplit("<locals>.", 1)[-1] for line in table("FunctionNames")]
    rooms = [Path(line.split('"')[1]).parent.name + "/" for line in table("FileNames")]
    places = [tuple(map(int, re.search(r"file_name_id=(\d+) function_name_id=(\d+)",
                                       line).groups())) for line in table("FileLocations")]
    frames = [tuple(map(int, re.search(r"file_location_id=(\d+) parent_frame_id=(\d+)",
                                       line).groups())) for line in table("StackFrames")]
    # Parents come before their children. XLA writes a parent's number plus one where 1 is 'none'.
    offset = 1 if frames and frames[0][1] == 1 else 0
    stacks: dict[int, set[str]] = {}
    for number, (place, parent) in enumerate(frames, start=1):
        file, function = places[place - 1]
        stacks[number] = ({rooms[file - 1], names[function - 1]}
                          | stacks.get(parent - offset, set()))
    return stacks
