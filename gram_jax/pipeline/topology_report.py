"""`gram compile`: what the retrieve program would need and take on TPUs that are not there."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import gin
from rich.console import Console
from rich.table import Table

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.partitioning.mesh import make_mesh
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.pipeline.answers import open_snapshot
from gram_jax.pipeline.configurables import CONFIGURABLES, register
from gram_jax.pipeline.settings import load_settings
from gram_jax.retrieval.device_index import (
    Capacities,
    DeviceIndex,
    abstract_index,
    needed_capacities,
)
from gram_jax.retrieval.retrieve import RetrieveSettings
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.serving.snapshot import SearchSettings
from gram_jax.serving.topology_costs import (
    Cost,
    ProgramCosts,
    program_costs,
    topology_devices,
)
from gram_jax.trie.capacity import capacity_class

_EOS_ID = 1
_CODE_LENGTH = 16

Program = tuple[ModelConfig, DeviceIndex, RetrieveSettings, int]
"""Sizes of the model, an index of shapes, settings, and the longest query's tokens."""


def program_of_workdir(path: Path) -> Program:
    """The program of a workdir's snapshot."""
    snapshot = open_snapshot(path)
    room = needed_capacities(snapshot.index, snapshot.search.beam_size)
    trie = snapshot.index.trie
    return _program(snapshot.config, snapshot.search, snapshot.scoring, room, trie.vocab_size,
                    trie.eos_id)


def program_of_settings(gin_files: Sequence[str], overrides: Sequence[str], *, num_codes: int,
                        num_postings: int, num_candidates: int) -> Program:
    """The program of an experiment that was not run, with an index of this many of each."""
    register()
    load_settings(gin_files, overrides, configurables=CONFIGURABLES)
    vocab_size = gin.query_parameter("VOCAB_SIZE/macro.value")
    config = gin.get_configurable("ModelConfig")(vocab_size=vocab_size)
    # Tails are compressed: a node for every code, and those on the way at which codes part.
    room = Capacities(capacity_class(num_codes * 3 // 2), capacity_class(num_codes), _CODE_LENGTH,
                      capacity_class(num_postings), capacity_class(num_candidates))
    return _program(config, gin.get_configurable("SearchSettings")(), ScoringHead(), room,
                    vocab_size, _EOS_ID)


def _program(config: ModelConfig, search: SearchSettings, scoring: ScoringHead, room: Capacities,
             vocab_size: int, eos_id: int) -> Program:
    index = abstract_index(room, scoring.head, beam_size=search.beam_size, vocab_size=vocab_size,
                           eos_id=eos_id)
    settings = RetrieveSettings(beam_size=search.beam_size, num_products=search.num_products,
                                head=scoring.head, reduce=scoring.reduce)
    return config, index, settings, search.max_query_length


def compile_for(topology: str, program: Program, *, batch_size: int, fsdp: int = 1,
                model: int = 1) -> list[ProgramCosts]:
    """The program on one chip, and split over all of the topology.

    Args:
      topology: such as 'v5e:4x4'.
      program: what to compile.
      batch_size: queries a chip.
      fsdp: ways that batch and params are both split.
      model: ways that params are split.
    """
    config, index, settings, query_length = program
    devices = topology_devices(topology)
    found: list[ProgramCosts] = []
    for chosen, ways in ((devices[:1], {}), (devices, {"fsdp": fsdp, "model": model})):
        mesh = make_mesh(data=-1, **ways, devices=chosen)
        queries = batch_size * mesh.size // mesh.shape["model"]
        found.append(program_costs(config, index, settings, Partitioner(mesh), batch_size=queries,
                                   query_length=query_length))
    return found


def costs_json(costs: Sequence[ProgramCosts]) -> str:
    """The costs for programs."""
    return json.dumps([{
        "chip": found.chip.name, "chips": found.num_chips, "batch_size": found.batch_size,
        "memory_bytes_a_chip": found.memory_bytes, "argument_bytes_a_chip": found.argument_bytes,
        "temporary_bytes_a_chip": found.temporary_bytes, "hbm_bytes_a_chip": found.chip.hbm_bytes,
        "flops_a_chip": found.total.flops, "bytes_a_chip": found.total.bytes_accessed,
        "roofline_ms": 1000 * found.seconds, "bound": found.total.bound(found.chip),
        "parts_ms": {"encoder": 1000 * found.encoder.seconds(found.chip),
                     "search": 1000 * found.num_steps * found.step.seconds(found.chip),
                     "shortlist": 1000 * found.shortlist.seconds(found.chip)},
    } for found in costs], indent=2)


def costs_table(costs: Sequence[ProgramCosts], console: Console | None = None) -> None:
    """Prints the costs for people, a column a program.

    Raises:
      ConfigError: a program does not fit its chip.
    """
    chip = costs[0].chip
    table = Table(title=f"retrieve on {chip.name}: {chip.hbm_bytes / 1e9:.0f} GB, "
                        f"{chip.hbm_bytes_per_second / 1e9:.0f} GB/s, "
                        f"{chip.bf16_flops_per_second / 1e12:.0f} TFLOP/s a chip",
                  title_justify="left")
    table.add_column("")
    for found in costs:
        table.add_column("one chip" if found.num_chips == 1 else f"{found.num_chips} chips",
                         justify="right")
    for name, value in _LINES.items():
        table.add_row(name, *map(value, costs))
    (console or Console()).print(table)
    if any(found.memory_bytes > chip.hbm_bytes for found in costs):
        raise ConfigError("the program does not fit a chip: split params over more (--model, "
                          "--fsdp), or take a smaller batch")


def _part_ms(cost: Cost, found: ProgramCosts, times: int = 1) -> str:
    return f"{1000 * times * cost.seconds(found.chip):.3f} ({cost.bound(found.chip)})"


_LINES: dict[str, Callable[[ProgramCosts], str]] = {
    "queries of a batch": lambda found: str(found.batch_size),
    "memory a chip, MB": lambda found: f"{found.memory_bytes / 1e6:.1f}",
    "  params, index and queries": lambda found: f"{found.argument_bytes / 1e6:.1f}",
    "  while it runs": lambda found: f"{found.temporary_bytes / 1e6:.1f}",
    "  the program itself": lambda found: f"{found.code_bytes / 1e6:.1f}",
    "  of the chip's": lambda found: f"{found.memory_bytes / found.chip.hbm_bytes:.2%}",
    "GFLOP a chip": lambda found: f"{found.total.flops / 1e9:.2f}",
    "GB moved a chip": lambda found: f"{found.total.bytes_accessed / 1e9:.3f}",
    "roofline ms a batch": lambda found: f"{1000 * found.seconds:.3f}",
    "  encoder (bound by)": lambda found: _part_ms(found.encoder, found),
    "  search, at most": lambda found: _part_ms(found.step, found, found.num_steps),
    "  shortlist": lambda found: _part_ms(found.shortlist, found),
    "queries a second": lambda found: f"{found.batch_size / found.seconds:,.0f}",
}
