// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAnchorHub} from "./IAnchorHub.sol";

/// @title AnchorHub: the heads of any number of logs, each in one storage slot
/// @notice Holds for each log one anchored root, its head, as section 6b of the Anchor protocol defines it.
/// Each anchored root commits to all earlier ones through its history, so one slot a log is enough.
///
/// What a reader may rely on:
/// - A log's head only ever moves from the value that its submitter named to another one: there is one line
///   of heads and no fork, and a transaction sent twice does nothing the second time.
/// - Nobody, a log's owner included, can alter or remove a head that was anchored, nor a pin.
/// - Only the account that a log's id commits to can open it, once. No other log can touch it.
/// - The contract has no owner, no upgrade path, no delegatecall, no immutable and no self-destruction: its
///   code is the same on every chain.
///
/// What a reader may not rely on: that an anchored root is the log's own. This contract checks no signature
/// of the log. Whoever holds the submitter's key can anchor junk in the log's name, under any number, or an
/// older root of the log again, until the owner names another submitter. A verifier asks for the log's
/// signature over a root (section 6a), and calls nothing newest because it is the head.
///
/// A log's owner, normally a key kept offline or a multisig, only names the submitter, the key that pays for
/// anchors day by day, and hands the log over.
contract AnchorHub is IAnchorHub {
    struct Log {
        bytes32 head;
        address submitter;
        address owner;
        address pendingOwner;
    }

    /// @dev State proofs read these two mappings by their slots, 0 and 1: they are part of the protocol.
    mapping(bytes32 logId => Log) private _logs;

    mapping(bytes32 logId => mapping(bytes32 head => uint64 time)) private _pins;

    /// @inheritdoc IAnchorHub
    function open(bytes32 identityKey, address firstSubmitter) external returns (bytes32 logId) {
        if (identityKey == 0) revert IdentityKeyIsZero();
        logId = keccak256(bytes.concat(hex"12", identityKey, bytes20(msg.sender)));
        Log storage log = _logs[logId];
        if (log.owner != address(0)) revert AlreadyOpen(logId);
        log.owner = msg.sender;
        log.submitter = firstSubmitter;
        emit Opened(logId, identityKey, msg.sender);
        emit OwnershipTransferred(logId, address(0), msg.sender);
        emit SubmitterNamed(logId, address(0), firstSubmitter);
    }

    /// @inheritdoc IAnchorHub
    function anchor(bytes32 logId, bytes32 previousHead, bytes32 newHead, uint64 number) external {
        Log storage log = _logs[logId];
        address expected = log.submitter;
        if (msg.sender != expected) revert NotSubmitter(expected, msg.sender);
        bytes32 found = log.head;
        if (found != previousHead) revert HeadMismatch(previousHead, found);
        if (newHead == 0 || newHead == previousHead) revert NotANewHead(previousHead, newHead);
        log.head = newHead;
        emit Anchored(logId, number, previousHead, newHead);
    }

    /// @inheritdoc IAnchorHub
    function pin(bytes32 logId, bytes32 expectedHead) external {
        bytes32 found = _logs[logId].head;
        if (found == 0) revert NothingAnchored();
        if (found != expectedHead) revert HeadMismatch(expectedHead, found);
        if (_pins[logId][found] != 0) return;
        _pins[logId][found] = uint64(block.timestamp);
        emit Pinned(logId, found, msg.sender);
    }

    /// @inheritdoc IAnchorHub
    function nameSubmitter(bytes32 logId, address newSubmitter) external {
        Log storage log = _ownedBySender(logId);
        emit SubmitterNamed(logId, log.submitter, newSubmitter);
        log.submitter = newSubmitter;
    }

    /// @inheritdoc IAnchorHub
    function transferOwnership(bytes32 logId, address newOwner) external {
        Log storage log = _ownedBySender(logId);
        log.pendingOwner = newOwner;
        emit OwnershipTransferStarted(logId, msg.sender, newOwner);
    }

    /// @inheritdoc IAnchorHub
    function acceptOwnership(bytes32 logId) external {
        Log storage log = _logs[logId];
        address expected = log.pendingOwner;
        if (msg.sender != expected) revert NotPendingOwner(expected, msg.sender);
        emit OwnershipTransferred(logId, log.owner, expected);
        log.owner = expected;
        log.pendingOwner = address(0);
    }

    /// @inheritdoc IAnchorHub
    function head(bytes32 logId) external view returns (bytes32) {
        return _logs[logId].head;
    }

    /// @inheritdoc IAnchorHub
    function pinnedAt(bytes32 logId, bytes32 root) external view returns (uint64 timestamp) {
        return _pins[logId][root];
    }

    /// @inheritdoc IAnchorHub
    function submitter(bytes32 logId) external view returns (address) {
        return _logs[logId].submitter;
    }

    /// @inheritdoc IAnchorHub
    function owner(bytes32 logId) external view returns (address) {
        return _logs[logId].owner;
    }

    /// @inheritdoc IAnchorHub
    function pendingOwner(bytes32 logId) external view returns (address) {
        return _logs[logId].pendingOwner;
    }

    function _ownedBySender(bytes32 logId) private view returns (Log storage log) {
        log = _logs[logId];
        if (msg.sender != log.owner) revert NotOwner(log.owner, msg.sender);
    }
}
