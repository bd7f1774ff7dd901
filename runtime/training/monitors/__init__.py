"""What is watched inside a network while it is trained, and what is said of it."""
