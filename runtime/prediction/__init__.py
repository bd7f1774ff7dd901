"""Answers for data of any size: in parts that outlive a crash, joined at the end."""
