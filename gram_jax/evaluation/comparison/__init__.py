"""Many methods beside each other: figures, tests, slices, examples, and reports of them."""
