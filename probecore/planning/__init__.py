"""Before anything runs: how much work each step of a network is, and which sizes keep it within a budget."""
