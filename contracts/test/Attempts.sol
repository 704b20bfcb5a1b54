// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Makes many read-only calls in one, and says of each how it ended: keeps tests quick
contract Attempts {
    struct Outcome {
        bool accepted;
        bytes returned;
    }

    function all(address target, bytes[] calldata calls) external view returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](calls.length);
        for (uint256 call = 0; call < calls.length; ++call) {
            (outcomes[call].accepted, outcomes[call].returned) = target.staticcall(calls[call]);
        }
    }
}
