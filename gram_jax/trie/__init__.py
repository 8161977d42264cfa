"""The prefix trie of a catalogue's codes: built on the host, walked on the device."""
