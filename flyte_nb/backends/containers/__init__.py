"""Containers of an engine such as Docker or Podman, driven by its command line.

The command line rather than the socket: it finds the engine the way the user's own terminal does (contexts, Podman
without a service, logins to registries), needs no package, and takes half the time per container.
"""
