"""Ways to run the dispatcher's two jobs; each is a `Waker` and drives whatever is due."""
