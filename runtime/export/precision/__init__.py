"""Files in smaller number formats, accepted by what they answer."""
