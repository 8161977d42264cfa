"""A `MapShards` on Apache Beam, for catalogues past one machine.

Needs the extra `beam`. Results travel through files that every worker and this process can reach,
encoded by Beam, one for each shard. Knows nothing of what is worked on.
"""

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence

from gram_jax.core.errors import ConfigError
from gram_jax.core.parallel import MapShards


@contextlib.contextmanager
def map_on_beam(runner: str = "DirectRunner", options: Sequence[str] = (),
                folder: str | None = None) -> Iterator[MapShards]:
    """Yields a `MapShards` that runs a pipeline for each call.

    Shards that are views of a file (`StoredProducts`) carry its path: workers on other machines
    must see it under that path, so the workdir belongs on a file system that they share.

    Args:
      runner: a Beam runner, such as 'DirectRunner', 'FlinkRunner' or 'DataflowRunner'.
      options: further pipeline options as on Beam's command line, such as '--region=...'.
      folder: where results are put, as any file system that Beam knows names it; a temporary
        folder of this machine when None.

    Raises:
      ConfigError: Apache Beam is not installed.
    """
    try:
        import apache_beam
    except ImportError as error:
        raise ConfigError("map_on_beam needs Apache Beam: pip install 'gram-jax[beam]'") from error
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gram_beam."))
        calls = iter(range(1 << 30))

        def map_shards(function: Callable, shards: Iterable) -> Iterator:
            return _results(apache_beam, f"{folder}/{next(calls)}", function, list(shards),
                            [f"--runner={runner}", *options])

        yield map_shards


def _results(apache_beam, folder: str, function: Callable, shards: list,
             options: Sequence[str]) -> Iterator:
    """Runs the pipeline and reads its results one after the other."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    if not shards:
        return
    coder = apache_beam.coders.FastPrimitivesCoder()
    FileSystems.mkdirs(folder)
    with apache_beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
        pipeline | "shards" >> apache_beam.Create(list(enumerate(shards))) \
            | "spread" >> apache_beam.Reshuffle() \
            | "work" >> apache_beam.Map(functools.partial(_work, folder, function, coder))
    for place in range(len(shards)):
        with FileSystems.open(_path(folder, place)) as stream:
            yield coder.decode(stream.read())


def _work(folder: str, function: Callable, coder, numbered: tuple[int, object]) -> None:
    """Leaves the result of a shard; a shard that a runner works on again writes the same file."""
    from apache_beam.io.filesystems import FileSystems

    place, shard = numbered
    encoded = coder.encode(function(shard))
    with FileSystems.create(_path(folder, place)) as stream:
        stream.write(encoded)


def _path(folder: str, place: int) -> str:
    return f"{folder}/{place:08d}"
