"""The composition root: gin settings, the workdir, and the stages that turn a shop into results."""
