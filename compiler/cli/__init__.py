"""The commands of the compiler. Only here is anything printed."""
