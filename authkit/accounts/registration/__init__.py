"""How a person gets an account by themselves: wish, proof of the address, account."""
