// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a fingerprint is taken of, in the order in which it is hashed.
/// @param ledgerId The ledger that the delta belongs to
/// @param index Its place in the ledger, counted from 0
/// @param amount In units of 10^-18
/// @param balance The sum of all amounts up to and including this one, in units of 10^-18
/// @param occurredAt When it happened, in milliseconds since 1970
/// @param recordedAt When it was recorded, in milliseconds since 1970
/// @param reason Commitment to the reason
/// @param referenceId Commitment to the caller's reference
/// @param metadata Commitment to the metadata
/// @param adjusts The fingerprint of the delta that this one corrects, or zero
struct Delta {
    bytes32 ledgerId;
    uint64 index;
    int256 amount;
    int256 balance;
    uint64 occurredAt;
    uint64 recordedAt;
    bytes32 reason;
    bytes32 referenceId;
    bytes32 metadata;
    bytes32 adjusts;
}

/// @title The fingerprint of a delta: an EIP-712 digest (section 3 of the Anchor protocol)
/// @notice The domain is {name: "Anchor", version: "1", salt: logId}.
library DeltaFingerprint {
    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,bytes32 salt)");

    bytes32 internal constant DELTA_TYPEHASH = keccak256(
        "Delta(bytes32 ledgerId,uint64 index,int256 amount,int256 balance,uint64 occurredAt,uint64 recordedAt,"
        "bytes32 reason,bytes32 referenceId,bytes32 metadata,bytes32 adjusts)"
    );

    /// @notice The EIP-712 domain separator of a log.
    function domainSeparator(bytes32 logId) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Anchor"), keccak256("1"), logId));
    }

    /// @notice The fingerprint of a delta in a log.
    function fingerprint(bytes32 logId, Delta calldata delta) internal pure returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                DELTA_TYPEHASH,
                delta.ledgerId,
                delta.index,
                delta.amount,
                delta.balance,
                delta.occurredAt,
                delta.recordedAt,
                delta.reason,
                delta.referenceId,
                delta.metadata,
                delta.adjusts
            )
        );
        return keccak256(bytes.concat(hex"1901", domainSeparator(logId), structHash));
    }

    /// @notice The commitment to a text field: what stands in `reason`, `referenceId` or `metadata`.
    /// @param salt The field's own salt
    /// @param value The UTF-8 text, or for metadata its RFC 8785 form
    function commitment(bytes16 salt, bytes memory value) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"11", salt, hex"01", value));
    }

    /// @notice The commitment of a field that has no value, which is not the same as an empty text.
    function absentCommitment(bytes16 salt) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"11", salt, hex"00"));
    }
}
