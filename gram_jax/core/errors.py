"""The errors a user can cause, each of which says what to do about it."""


class GramError(Exception):
    """Base of the errors that the command line prints without a traceback."""


class InputError(GramError):
    """Input from outside is wrong.

    Args:
      problem: what is wrong, in one sentence.
      path: the file it is in, where there is one.
      line: the 1-based line (or row) in that file.
      remedy: what the user can do about it.
    """

    def __init__(self, problem: str, *, path=None, line: int | None = None, remedy: str = ""):
        self.problem, self.path, self.line, self.remedy = problem, path, line, remedy
        place = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(f"{place}{problem}" + (f"\n  Remedy: {remedy}" if remedy else ""))


class ConfigError(GramError):
    """A setting is unknown, missing or contradicts another."""


class ArtifactError(GramError):
    """A file this project wrote is missing, damaged, or belongs to something else."""


class TrainingError(GramError):
    """Training cannot go on, for example because the loss is not finite."""
