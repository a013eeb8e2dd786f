"""How surecast meets the network: HTTP clients, what their errors mean, and what may be shown of them."""
