"""What a program tells of itself: sizes, cost."""
