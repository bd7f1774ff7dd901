"""From a bound spec to a typed program."""
