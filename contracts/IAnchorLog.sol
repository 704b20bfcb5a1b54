// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What an AnchorLog offers to those who read it and to those who write to it
interface IAnchorLog {
    /// @notice The head moved.
    /// @param number The batch number as the submitter stated it, there to be found by. What counts is the
    /// number inside the root: a reader who holds the batch checks that the two agree.
    /// @param previousHead The head before; zero for the first anchor
    /// @param newHead The anchored root that is the head from now on
    event Anchored(uint64 indexed number, bytes32 previousHead, bytes32 indexed newHead);

    /// @notice A head was written to the permanent mapping.
    event Pinned(bytes32 indexed head, address indexed by);

    /// @notice Another account may anchor from now on; zero stands for nobody.
    event SubmitterNamed(address indexed previousSubmitter, address indexed newSubmitter);

    /// @notice The owner offered the ownership to another account, which has yet to accept.
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);

    /// @notice The ownership passed on.
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    error LogIdIsZero();
    error OwnerIsZero();
    error SubmitterIsZero();

    /// @notice Only the submitter anchors.
    error NotSubmitter(address submitter, address caller);

    /// @notice Only the owner names submitters and hands over.
    error NotOwner(address owner, address caller);

    /// @notice Only the account that was offered the ownership can accept it.
    error NotPendingOwner(address pendingOwner, address caller);

    /// @notice The head is not the one that the submitter built upon.
    error HeadMismatch(bytes32 expected, bytes32 found);

    /// @notice The new head is zero, or the same as the one before.
    error NotANewHead(bytes32 previousHead, bytes32 newHead);

    /// @notice There is no head to pin yet.
    error NothingAnchored();

    /// @notice The log that is anchored here. It fixes the log's public identity key for the log's life.
    function logId() external view returns (bytes32);

    /// @notice The newest anchored root; zero before the first.
    function head() external view returns (bytes32);

    /// @notice Who may anchor; zero while nobody may.
    function submitter() external view returns (address);

    /// @notice Who names the submitter.
    function owner() external view returns (address);

    /// @notice Who was offered the ownership and has not accepted yet; zero where nobody was.
    function pendingOwner() external view returns (address);

    /// @notice The time, in seconds, of the block in which a head was first pinned; zero where it was not.
    /// @dev What a pinned head commits to was anchored no later than then.
    function pinnedAt(bytes32 root) external view returns (uint64 timestamp);

    /// @notice Whether a root was the head when somebody pinned it.
    function pinned(bytes32 root) external view returns (bool);

    /// @notice Moves the head: a compare-and-swap, by the submitter only.
    /// @param previousHead The head that the new one follows: refused unless it is still the head
    /// @param newHead The next anchored root: neither zero nor `previousHead`
    /// @param number The batch number that the new root holds, for the event only
    function anchor(bytes32 previousHead, bytes32 newHead, uint64 number) external;

    /// @notice Keeps the current head for ever, so that a proof against it needs no event log. Anyone may
    /// call it. To pin a head twice changes nothing.
    function pin() external;

    /// @notice Lets another account anchor, and no longer the one before. Zero stops all anchoring until a
    /// submitter is named again: for the hour in which a key has leaked and the next is not ready.
    function nameSubmitter(address newSubmitter) external;

    /// @notice Offers the ownership to another account; zero takes an offer back. The owner stays the owner
    /// until the other has accepted, so a mistyped address loses nothing.
    function transferOwnership(address newOwner) external;

    /// @notice Takes over the ownership that was offered.
    function acceptOwnership() external;
}
