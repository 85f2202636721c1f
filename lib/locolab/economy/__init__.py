"""The subnet economy: pools, emission, Yuma consensus and valuation, as the chain's rules compute them."""
