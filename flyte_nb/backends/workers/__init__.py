"""How the kernel and a worker process talk: messages, both ends, and nothing about how a worker comes to be.

`messages` is what they say, whatever carries it. `conversation` is the kernel's end of one attempt, `stand_in` and
`attempt` are the worker's. A back-end brings a `Link` (`conversation.Link`), which carries messages to one worker and
back: a socket to a child process here, the scheduler of a cluster elsewhere.
"""
