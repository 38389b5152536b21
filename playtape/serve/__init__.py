"""A policy for programs elsewhere: frames come in over a socket, actions go out. Starts without torch, as does its client."""

from playtape.serve.client import Client
from playtape.serve.server import serve

__all__ = ["Client", "serve"]
