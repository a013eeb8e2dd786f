"""Running an outage: watching, telling, paying back."""
