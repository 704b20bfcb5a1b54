// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorLog} from "../../contracts/AnchorLog.sol";
import {IAnchorLog} from "../../contracts/IAnchorLog.sol";
import {vm} from "./Vm.sol";

/// @title What holds of an AnchorLog whatever it is called with
contract AnchorLogTest {
    address private constant OWNER = address(0xA11CE);
    address private constant SUBMITTER = address(0xB0B);

    AnchorLog private log;

    function setUp() public {
        log = new AnchorLog(keccak256("log"), OWNER, SUBMITTER);
    }

    function testFuzz_onlyTheSubmitterAnchors(address caller, bytes32 newHead, uint64 number) public {
        vm.assume(caller != SUBMITTER);
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IAnchorLog.NotSubmitter.selector, SUBMITTER, caller));
        log.anchor(0, newHead, number);
        assert(log.head() == 0);
    }

    function testFuzz_aHeadMovesOnlyFromTheOneNamed(bytes32 first, bytes32 named, bytes32 second) public {
        vm.assume(first != 0 && named != first);
        anchor(0, first, 1);
        vm.prank(SUBMITTER);
        vm.expectRevert(abi.encodeWithSelector(IAnchorLog.HeadMismatch.selector, named, first));
        log.anchor(named, second, 2);
        assert(log.head() == first);
    }

    function testFuzz_aChainOfHeadsIsFollowed(bytes32[8] memory roots, uint64[8] memory numbers) public {
        bytes32 previous = 0;
        for (uint256 step = 0; step < roots.length; ++step) {
            if (roots[step] == 0 || roots[step] == previous) {
                vm.prank(SUBMITTER);
                vm.expectRevert(
                    abi.encodeWithSelector(IAnchorLog.NotANewHead.selector, previous, roots[step])
                );
                log.anchor(previous, roots[step], numbers[step]);
            } else {
                anchor(previous, roots[step], numbers[step]);
                previous = roots[step];
            }
            assert(log.head() == previous);
        }
    }

    function testFuzz_aPinStays(address caller, bytes32 first, bytes32 second, uint32 time) public {
        vm.assume(first != 0 && second != 0 && first != second && time != 0);
        anchor(0, first, 1);
        vm.warp(time);
        vm.prank(caller);
        log.pin();
        anchor(first, second, 2);
        vm.warp(uint256(time) + 1);
        vm.prank(caller);
        log.pin();
        assert(log.pinned(first) && log.pinnedAt(first) == time);
        assert(log.pinned(second) && log.pinnedAt(second) == uint256(time) + 1);
        anchor(second, first, 3);
        vm.prank(caller);
        log.pin();
        assert(log.pinnedAt(first) == time);
    }

    function testFuzz_nothingIsPinnedUnlessItWasTheHead(bytes32 head, bytes32 other) public {
        vm.assume(head != 0 && other != head);
        anchor(0, head, 1);
        log.pin();
        assert(!log.pinned(other) && log.pinnedAt(other) == 0);
    }

    function testFuzz_onlyTheOwnerNamesAnyone(address caller, address named) public {
        vm.assume(caller != OWNER);
        bytes memory refusal = abi.encodeWithSelector(IAnchorLog.NotOwner.selector, OWNER, caller);
        vm.prank(caller);
        vm.expectRevert(refusal);
        log.nameSubmitter(named);
        vm.prank(caller);
        vm.expectRevert(refusal);
        log.transferOwnership(named);
    }

    function testFuzz_onlyTheOneWhoWasOfferedTheOwnershipAcceptsIt(address offered, address caller) public {
        vm.assume(caller != offered);
        vm.prank(OWNER);
        log.transferOwnership(offered);
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IAnchorLog.NotPendingOwner.selector, offered, caller));
        log.acceptOwnership();
        assert(log.owner() == OWNER);
        vm.prank(offered);
        log.acceptOwnership();
        assert(log.owner() == offered && log.pendingOwner() == address(0));
    }

    function anchor(bytes32 previousHead, bytes32 newHead, uint64 number) private {
        vm.prank(SUBMITTER);
        log.anchor(previousHead, newHead, number);
    }
}
