"""Capsules: a recorded study as one file, a Workflow Run RO-Crate, to attach to a release or upload to an archive."""
