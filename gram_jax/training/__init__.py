"""Training: one jitted step, a loop that survives kills, checkpoints, hooks and metric files."""
