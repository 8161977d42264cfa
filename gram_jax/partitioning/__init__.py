"""Where arrays live: the device mesh, and rules from logical axes to mesh axes."""
