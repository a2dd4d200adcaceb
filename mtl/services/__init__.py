"""The servers and workers of a workspace: what they are, one supervisor over them, the verbs `up`, `down`, `status`."""
