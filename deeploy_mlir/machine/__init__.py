"""What a target says of its machine: how its programs are built, and how they are run."""
