"""Containers of an engine such as Docker or Podman, spoken to by its socket through the `docker` SDK."""
