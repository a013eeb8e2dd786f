"""The simulated platforms, asked by the real SDKs and over plain sockets."""
