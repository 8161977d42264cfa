"""`python -m gram_jax.data.tfds_builders FILE --manual_dir=FOLDER`: TFDS' command `build` alone.

The command `tfds` needs the extra `tfds`, because it imports all its subcommands; `build` does not.
"""

from absl import app
from tensorflow_datasets.scripts.cli import build, cli_utils


def main() -> None:
    """Runs `tfds build` with the arguments of this program."""
    parse = cli_utils.make_flags_parser(build.Args, description=build.Args.__doc__)
    app.run(lambda args: args.execute(), flags_parser=parse)


if __name__ == "__main__":
    main()
