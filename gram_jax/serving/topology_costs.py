"""Compiles the retrieve program for a TPU topology on a machine without one, and reads its costs.

Needs libtpu (extra `tpu`), which compiles; nothing runs. Times are those of a roofline, from the
chip's published peaks in chips.json: the larger of what the arithmetic and what the memory need.

XLA counts the body of a loop once, however often it runs. So beside the whole program its parts
without loops are compiled, the encoder and the shortlist; what remains is one turn of each loop of
the search, and as many are charged as the longest code has tokens. Searches end sooner: it is an
upper bound.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gram_jax.core.errors import ConfigError
from gram_jax.decoding.beam_state import Beams
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import abstract_params, logical_axes
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.retrieval.device_index import DeviceIndex, index_logical_axes
from gram_jax.retrieval.retrieve import RetrieveSettings
from gram_jax.retrieval.sharded import sharded_retrieve, split_rows
from gram_jax.retrieval.shortlist import shortlist


@dataclasses.dataclass(frozen=True)
class Chip:
    """What the maker says of a chip."""

    name: str
    bf16_flops_per_second: float
    hbm_bytes: float
    hbm_bytes_per_second: float


@dataclasses.dataclass(frozen=True)
class Cost:
    """Work of one chip."""

    flops: float
    bytes_accessed: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.flops + other.flops, self.bytes_accessed + other.bytes_accessed)

    def __mul__(self, times: int) -> "Cost":
        return Cost(self.flops * times, self.bytes_accessed * times)

    def less(self, other: "Cost") -> "Cost":
        """What remains, at least nothing: fusion may make a part dearer alone than in the whole."""
        return Cost(max(0.0, self.flops - other.flops),
                    max(0.0, self.bytes_accessed - other.bytes_accessed))

    def seconds(self, chip: Chip) -> float:
        """The roofline time."""
        return max(self._by_arithmetic(chip), self._by_memory(chip))

    def bound(self, chip: Chip) -> str:
        """What the roofline time is bound by, 'arithmetic' or 'memory'."""
        return "arithmetic" if self._by_arithmetic(chip) > self._by_memory(chip) else "memory"

    def _by_arithmetic(self, chip: Chip) -> float:
        return self.flops / chip.bf16_flops_per_second

    def _by_memory(self, chip: Chip) -> float:
        return self.bytes_accessed / chip.hbm_bytes_per_second


@dataclasses.dataclass(frozen=True)
class ProgramCosts:
    """A compiled retrieve program: where it would run, what it holds and does on each chip.

    `argument_bytes` are params, index and queries; `step` is one turn of each loop of the search,
    of which there are at most `num_steps`.
    """

    chip: Chip
    num_chips: int
    batch_size: int
    argument_bytes: int
    temporary_bytes: int
    output_bytes: int
    code_bytes: int
    encoder: Cost
    step: Cost
    num_steps: int
    shortlist: Cost

    @property
    def memory_bytes(self) -> int:
        """All that a chip holds while the program runs."""
        return (self.argument_bytes + self.temporary_bytes + self.output_bytes + self.code_bytes)

    @property
    def total(self) -> Cost:
        """Of a batch."""
        return self.encoder + self.step * self.num_steps + self.shortlist

    @property
    def seconds(self) -> float:
        """The roofline time of a batch: its parts run one after the other."""
        return (self.encoder.seconds(self.chip) + self.num_steps * self.step.seconds(self.chip)
                + self.shortlist.seconds(self.chip))


def topology_devices(name: str) -> Sequence[jax.Device]:
    """The devices of a topology such as 'v5e:4x4', of which none need exist.

    Raises:
      ConfigError: libtpu is not installed or knows no such topology.
    """
    from jax.experimental import topologies

    # libtpu asks the cloud's metadata server where it runs, and waits where there is none.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=name).devices
    except Exception as error:  # the plugin raises what it likes
        raise ConfigError(f"cannot compile for the topology {name!r} ({error}). Topologies read "
                          "like v5e:4x4; libtpu comes with pip install 'gram-jax[tpu]'") from error


def chip_of(device: jax.Device) -> Chip:
    """The chip's peaks.

    Raises:
      ConfigError: chips.json does not know it.
    """
    known = json.loads((Path(__file__).parent / "chips.json").read_text())["chips"]
    if device.device_kind not in known:
        raise ConfigError(f"chips.json has no peaks of {device.device_kind!r}; it has those of "
                          f"{', '.join(known)}")
    return Chip(**known[device.device_kind])


def program_costs(config: ModelConfig, index: DeviceIndex, settings: RetrieveSettings,
                  partitioner: Partitioner, *, batch_size: int,
                  query_length: int) -> ProgramCosts:
    """Compiles the program for the devices of the partitioner's mesh.

    Args:
      config: sizes of the model.
      index: of arrays or of their shapes.
      settings: of the program.
      partitioner: the batch is split by its rule 'batch', params and index by theirs.
      batch_size: queries a batch, on all chips together.
      query_length: tokens of a query.

    Raises:
      ConfigError: the batch or an array cannot be split evenly.
    """
    partitioner.check_batch_size(batch_size)
    params = abstract_params(config)
    params = _placed(params, partitioner.param_shardings(params, logical_axes(config)))
    index = _placed(index, partitioner.param_shardings(index, index_logical_axes(index)))
    by_batch = functools.partial(_spec, sharding=partitioner.batch_sharding)
    queries = by_batch((batch_size, query_length), np.int32)
    beam, length = (batch_size, settings.beam_size), index.trie.max_depth
    beams = Beams(by_batch((*beam, length), np.int32), by_batch((*beam, length), np.float32),
                  by_batch(beam, np.float32), by_batch(beam, np.int32), by_batch(beam, np.bool_))

    encode = functools.partial(CachedDecoder.prefill, max_length=length,
                               max_beams=settings.beam_size)
    make_list = functools.partial(shortlist, head=settings.head, reduce=settings.reduce,
                                  num_products=settings.num_products)
    encoder, listing = (
        _cost(jax.jit(split_rows(part, partitioner, num_whole=1)).lower(*arguments).compile())
        for part, *arguments in ((encode, CachedDecoder(config, params), queries),
                                 (make_list, index, beams)))
    whole = sharded_retrieve(partitioner, config=config, settings=settings).lower(
        params, index, queries).compile()
    memory = whole.memory_analysis()
    return ProgramCosts(
        chip=chip_of(partitioner.mesh.devices.flat[0]), num_chips=partitioner.mesh.size,
        batch_size=batch_size, argument_bytes=memory.argument_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes, output_bytes=memory.output_size_in_bytes,
        code_bytes=memory.generated_code_size_in_bytes, encoder=encoder,
        step=_cost(whole).less(encoder + listing), num_steps=length, shortlist=listing)


def _cost(compiled: jax.stages.Compiled) -> Cost:
    found = compiled.cost_analysis()
    return Cost(found["flops"], found["bytes accessed"])


def _placed(tree: Any, shardings: Any) -> Any:
    return jax.tree.map(lambda array, sharding: _spec(array.shape, array.dtype, sharding), tree,
                        shardings)


def _spec(shape: tuple[int, ...], dtype: Any, sharding: jax.sharding.Sharding):
    return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)
