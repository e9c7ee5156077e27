"""What a requantisation is, and the integer arithmetic that equals it; free of IR."""
