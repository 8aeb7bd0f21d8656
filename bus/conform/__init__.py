"""Which side is wrong: recorded exchanges held against the contract, each finding laid at one door."""
