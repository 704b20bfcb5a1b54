"""A counterparty's replica: its own copy of one ledger, checked delta by delta, of use with no server there.

    with Operator(url, key) as operator, Follower(operator, chain, path, Wanted("acme", "mile")) as follower:
        went = follower.round()

Needs nothing but the base install.
"""
