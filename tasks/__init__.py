"""SeqIO tasks and mixtures that ship; importing `tasks.mixtures` registers all of them."""
