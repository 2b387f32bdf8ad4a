"""The national JSON interface over HTTP: a hospital's existing client settles here unchanged.

A request is an envelope with a transaction number (交易编号, infno) and the nodes of its input. Its
definition says which nodes and fields there are; a handler asks the engine what gRPC asks it, and
the definition says again how the answer is written. No amount is computed here; what clients state
is added up where it is compared with what the engine settled.
"""
