"""Beam search over the codes of a trie, driven by any `core.protocols.Decoder`."""
