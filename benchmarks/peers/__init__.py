"""One module a peer, each run in an environment of its own (`benchmarks/peers/install`); none of them imports mtl."""
