"""The way to an EVM chain: the contract's binding, endpoints, signers, fees and finality."""
