"""Rewriting a program."""
