// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorHub} from "../../contracts/AnchorHub.sol";
import {IAnchorHub} from "../../contracts/IAnchorHub.sol";
import {vm} from "./Vm.sol";

/// @title What holds of an AnchorHub whatever it is called with
contract AnchorHubTest {
    address private constant OWNER = address(0xA11CE);
    address private constant SUBMITTER = address(0xB0B);

    AnchorHub private hub;
    bytes32 private logId;

    function setUp() public {
        hub = new AnchorHub();
        vm.prank(OWNER);
        logId = hub.open(keccak256("identity key"), SUBMITTER);
    }

    function testFuzz_onlyTheSubmitterAnchors(address caller, bytes32 newHead, uint64 number) public {
        vm.assume(caller != SUBMITTER);
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IAnchorHub.NotSubmitter.selector, SUBMITTER, caller));
        hub.anchor(logId, 0, newHead, number);
        assert(hub.head(logId) == 0);
    }

    function testFuzz_aHeadMovesOnlyFromTheOneNamed(bytes32 first, bytes32 named, bytes32 second) public {
        vm.assume(first != 0 && named != first);
        anchor(0, first, 1);
        vm.prank(SUBMITTER);
        vm.expectRevert(abi.encodeWithSelector(IAnchorHub.HeadMismatch.selector, named, first));
        hub.anchor(logId, named, second, 2);
        assert(hub.head(logId) == first);
    }

    function testFuzz_aChainOfHeadsIsFollowed(bytes32[8] memory roots, uint64[8] memory numbers) public {
        bytes32 previous = 0;
        for (uint256 step = 0; step < roots.length; ++step) {
            if (roots[step] == 0 || roots[step] == previous) {
                vm.prank(SUBMITTER);
                vm.expectRevert(
                    abi.encodeWithSelector(IAnchorHub.NotANewHead.selector, previous, roots[step])
                );
                hub.anchor(logId, previous, roots[step], numbers[step]);
            } else {
                anchor(previous, roots[step], numbers[step]);
                previous = roots[step];
            }
            assert(hub.head(logId) == previous);
        }
    }

    function testFuzz_aPinStays(address caller, bytes32 first, bytes32 second, uint32 time) public {
        vm.assume(first != 0 && second != 0 && first != second && time != 0);
        anchor(0, first, 1);
        vm.warp(time);
        vm.prank(caller);
        hub.pin(logId, first);
        anchor(first, second, 2);
        vm.warp(uint256(time) + 1);
        vm.prank(caller);
        hub.pin(logId, second);
        assert(hub.pinnedAt(logId, first) == time);
        assert(hub.pinnedAt(logId, second) == uint256(time) + 1);
        anchor(second, first, 3);
        vm.prank(caller);
        hub.pin(logId, first);
        assert(hub.pinnedAt(logId, first) == time);
    }

    function testFuzz_nothingIsPinnedUnlessItWasTheHead(bytes32 head, bytes32 other) public {
        vm.assume(head != 0 && other != head);
        anchor(0, head, 1);
        hub.pin(logId, head);
        assert(hub.pinnedAt(logId, other) == 0);
    }

    function testFuzz_onlyTheOwnerNamesAnyone(address caller, address named) public {
        vm.assume(caller != OWNER);
        bytes memory refusal = abi.encodeWithSelector(IAnchorHub.NotOwner.selector, OWNER, caller);
        vm.prank(caller);
        vm.expectRevert(refusal);
        hub.nameSubmitter(logId, named);
        vm.prank(caller);
        vm.expectRevert(refusal);
        hub.transferOwnership(logId, named);
    }

    function testFuzz_onlyTheOneWhoWasOfferedTheOwnershipAcceptsIt(address offered, address caller) public {
        vm.assume(caller != offered);
        vm.prank(OWNER);
        hub.transferOwnership(logId, offered);
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IAnchorHub.NotPendingOwner.selector, offered, caller));
        hub.acceptOwnership(logId);
        assert(hub.owner(logId) == OWNER);
        vm.prank(offered);
        hub.acceptOwnership(logId);
        assert(hub.owner(logId) == offered && hub.pendingOwner(logId) == address(0));
    }

    function testFuzz_theIdOfALogIsOfItsKeyAndItsFounder(bytes32 key, address founder, address named) public {
        vm.assume(key != 0 && founder != address(0));
        vm.prank(founder);
        bytes32 opened = hub.open(key, named);
        assert(opened == keccak256(abi.encodePacked(bytes1(0x12), key, founder)));
        assert(hub.owner(opened) == founder && hub.submitter(opened) == named);
        assert(hub.head(opened) == 0 && hub.pendingOwner(opened) == address(0));
        vm.prank(founder);
        vm.expectRevert(abi.encodeWithSelector(IAnchorHub.AlreadyOpen.selector, opened));
        hub.open(key, named);
    }

    function testFuzz_noLogTouchesAnother(bytes32 key, address founder, bytes32 mine, bytes32 theirs) public {
        vm.assume(key != 0 && founder != address(0) && mine != 0 && theirs != 0);
        vm.prank(founder);
        bytes32 other = hub.open(key, founder);
        vm.assume(other != logId);
        anchor(0, mine, 1);
        vm.prank(founder);
        hub.anchor(other, 0, theirs, 1);
        hub.pin(other, theirs);
        assert(hub.head(logId) == mine && hub.head(other) == theirs);
        assert(hub.pinnedAt(logId, theirs) == 0 && hub.pinnedAt(logId, mine) == 0);
        assert(hub.owner(logId) == OWNER && hub.submitter(logId) == SUBMITTER);
    }

    function testFuzz_onlyTheHeadThatIsNamedIsPinned(bytes32 head, bytes32 other) public {
        vm.assume(head != 0 && other != head);
        anchor(0, head, 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchorHub.HeadMismatch.selector, other, head));
        hub.pin(logId, other);
        assert(hub.pinnedAt(logId, head) == 0);
    }

    function anchor(bytes32 previousHead, bytes32 newHead, uint64 number) private {
        vm.prank(SUBMITTER);
        hub.anchor(logId, previousHead, newHead, number);
    }
}
