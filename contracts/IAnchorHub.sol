// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What an AnchorHub offers to those who read a log in it and to those who write to one
/// @dev Section 6b of the Anchor protocol fixes this interface.
interface IAnchorHub {
    /// @notice A log was opened by its founder, who is its owner from now on.
    /// @param logId The log: Keccak-256 of 0x12, the identity key and the founder's address
    /// @param identityKey The log's public identity key, of which this contract checks nothing
    event Opened(bytes32 indexed logId, bytes32 identityKey, address indexed owner);

    /// @notice A log's head moved.
    /// @param number The batch number as the submitter stated it, there to be found by. What counts is the
    /// number inside the root: a reader who holds the batch checks that the two agree.
    /// @param previousHead The head before; zero for the first anchor
    /// @param newHead The anchored root that is the head from now on
    event Anchored(
        bytes32 indexed logId, uint64 indexed number, bytes32 previousHead, bytes32 indexed newHead
    );

    /// @notice A log's head was written to the permanent mapping.
    event Pinned(bytes32 indexed logId, bytes32 indexed head, address indexed by);

    /// @notice Another account may anchor for a log from now on; zero stands for nobody.
    event SubmitterNamed(
        bytes32 indexed logId, address indexed previousSubmitter, address indexed newSubmitter
    );

    /// @notice A log's owner offered it to another account, which has yet to accept; zero takes an offer back.
    event OwnershipTransferStarted(
        bytes32 indexed logId, address indexed previousOwner, address indexed newOwner
    );

    /// @notice A log passed on to another owner.
    event OwnershipTransferred(
        bytes32 indexed logId, address indexed previousOwner, address indexed newOwner
    );

    /// @notice A log has a public identity key.
    error IdentityKeyIsZero();

    /// @notice A log is opened once.
    error AlreadyOpen(bytes32 logId);

    /// @notice Only the log's submitter anchors; zero where the log has none, or is not open.
    error NotSubmitter(address submitter, address caller);

    /// @notice The head is not the one that the caller named.
    error HeadMismatch(bytes32 expected, bytes32 found);

    /// @notice The new head is zero, or the same as the one before.
    error NotANewHead(bytes32 previousHead, bytes32 newHead);

    /// @notice The log has no head to pin.
    error NothingAnchored();

    /// @notice Only the log's owner names submitters and hands over; zero where the log is not open.
    error NotOwner(address owner, address caller);

    /// @notice Only the account that was offered the log can accept it.
    error NotPendingOwner(address pendingOwner, address caller);

    /// @notice Opens the log that the caller founded. Its id commits to the caller, so nobody else can.
    /// @param identityKey The log's public identity key (Ed25519, 32 bytes)
    /// @param firstSubmitter Who may anchor; zero stands for nobody yet
    /// @return logId Keccak-256 of 0x12, the identity key and the caller's address
    function open(bytes32 identityKey, address firstSubmitter) external returns (bytes32 logId);

    /// @notice Moves a log's head: a compare-and-swap, by the log's submitter only.
    /// @param previousHead The head that the new one follows: refused unless it is still the head
    /// @param newHead The next anchored root: neither zero nor `previousHead`
    /// @param number The batch number that the new root holds, for the event only
    function anchor(bytes32 logId, bytes32 previousHead, bytes32 newHead, uint64 number) external;

    /// @notice Keeps a log's current head for ever, so that a proof against it needs no event. Anyone may
    /// call it. To pin a head twice changes nothing.
    /// @param expectedHead The head that the caller means to pin: refused where it is no longer the head
    function pin(bytes32 logId, bytes32 expectedHead) external;

    /// @notice Lets another account anchor, and no longer the one before. Zero stops all anchoring until a
    /// submitter is named again: for the hour in which a key has leaked and the next is not ready.
    function nameSubmitter(bytes32 logId, address newSubmitter) external;

    /// @notice Offers a log to another account; zero takes an offer back. The owner stays the owner until the
    /// other has accepted, so a mistyped address loses nothing.
    function transferOwnership(bytes32 logId, address newOwner) external;

    /// @notice Takes over the log that was offered.
    function acceptOwnership(bytes32 logId) external;

    /// @notice The head of a log; zero before its first anchor. It need not be the newest: whoever holds the
    /// submitter's key can anchor an older root again.
    function head(bytes32 logId) external view returns (bytes32);

    /// @notice The time, in seconds, of the block in which a head was first pinned; zero where it was not.
    /// @dev What a pinned head commits to was anchored no later than then.
    function pinnedAt(bytes32 logId, bytes32 root) external view returns (uint64 timestamp);

    /// @notice Who may anchor for a log; zero while nobody may.
    function submitter(bytes32 logId) external view returns (address);

    /// @notice Who names a log's submitter; zero where the log is not open.
    function owner(bytes32 logId) external view returns (address);

    /// @notice Who was offered a log and has not accepted yet; zero where nobody was.
    function pendingOwner(bytes32 logId) external view returns (address);
}
