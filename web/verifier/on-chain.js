// @ts-nocheck
// Step 4 of a verification: does the agreed contract hold this batch's root, in a final block?

import { hexOf } from "./bytes.js";
import { chainInWords } from "./chain-names.js";
import { anchorRoot, HISTORY_TREE, leaf } from "./hashes.js";
import { labelled } from "./local-checks.js";
import { Checks, INVALID, NOT_CHECKED, Stopped } from "./results.js";
import { earliestBlock, newestAsOf, saysNothing } from "./times.js";
import { ProofError, rootFromInclusion } from "./trees.js";
import { moment } from "./wording.js";

/** Seconds. With an older final block nothing is called the newest, unless the reader says otherwise. */
export const OLDEST_FINAL_BLOCK = 3600n;
export const NEWEST_BLOCK = "newest block";

/** The chain could not be asked, or did not answer in a way that can be used. */
export class ChainUnavailable extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** The node cannot show the events of that block. */
export class EventsUnavailable extends ChainUnavailable {}

/** Nothing shows whether that root is pinned. */
export class PinUnknown extends ChainUnavailable {}

/** Every history path that the file gives for a batch, whatever chain it is for. */
export function checkHistories(checks, claimed, logId) {
  for (const anchor of claimed.batch.anchors) anchoredRoot(checks, claimed, anchor, logId);
}

/** The batch whose root is on the chain, and that root. */
function anchoredRoot(checks, claimed, anchor, logId) {
  const { batch } = claimed.batch;
  const root = anchorRoot(logId, batch);
  if (anchor.through === null) return [batch, root];
  const later = anchor.through.batch;
  const name = labelled("history path", claimed.label);
  let historyRoot;
  try {
    historyRoot = rootFromInclusion(
      HISTORY_TREE,
      leaf(HISTORY_TREE, root),
      batch.number - 1n,
      later.number - 1n,
      anchor.through.path,
    );
  } catch (failure) {
    if (!(failure instanceof ProofError)) throw failure;
    checks.refused(name, failure, "The history path cannot be one of that batch.");
  }
  checks.same(
    name,
    later.historyRoot,
    historyRoot,
    `Batch ${batch.number} is in the history of batch ${later.number}.`,
    `The path of batch ${batch.number} does not lead to the history of batch ${later.number}.`,
  );
  checks.holds(
    labelled("history times", claimed.label),
    batch.sealedAt <= later.sealedAt,
    `up to ${moment(later.sealedAt)}`,
    moment(batch.sealedAt),
    `Batch ${batch.number} was sealed no later than batch ${later.number}.`,
  );
  return [later, anchorRoot(logId, later)];
}

/** Why a final block says nothing of what is newest; null where it does. The clock is {now, oldest}. */
function standsStill(clock, final) {
  const time = final.timestamp * 1000n;
  if (time >= since(clock)) return null;
  return (
    `The node or the chain stands still: its final block is of ${moment(time)}, more than ` +
    `${clock.oldest} seconds ago. What was the newest then may not be now.`
  );
}

/** The time (ms) from which a final block may be. */
const since = (clock) => clock.now - clock.oldest * 1000n;

/** What it means that a batch's root is neither the head nor known to be pinned, what helps, and the verdict. */
function notSeen(batch, final, unknown, byHash) {
  if (unknown) {
    const node = byHash ? "a node" : "another node, one";
    return [
      "The root is not the contract's head, and was not seen elsewhere, which says nothing against it: " +
        `ask ${node} that keeps old events, or take a file that leads through a later batch to the head.`,
      NOT_CHECKED,
    ];
  }
  if (final.timestamp * 1000n < batch.sealedAt) {
    const why = byHash ? "take evidence of a newer block" : "the node lags, or no newer one is final";
    return [
      `Block ${final.number} is of ${moment(final.timestamp * 1000n)}, before batch ${batch.number} was ` +
        `sealed (${moment(batch.sealedAt)}), so that it cannot hold its root yet: ${why}.`,
      NOT_CHECKED,
    ];
  }
  return ["The root is neither the contract's head nor a pinned one.", INVALID];
}

/** The chain's name: of a block that is trusted by its hash, only a file says which chain it is of. */
export function onWhich(chainId, byHash) {
  return byHash
    ? `the chain of the block that you trust (the file calls it chain ${chainId})`
    : chainInWords(chainId);
}

/** One verification's look at one chain. Where `clock` is null, a final block may be of any age. */
export class OnChain {
  constructor(checks, chain, logId, finality, clock) {
    this.checks = checks;
    this.chain = chain;
    this.logId = logId;
    this.finality = finality;
    this.byHash = chain.byHash === true;
    this.clock = this.byHash ? null : clock;
    this.rule = finality.tag ?? `${finality.confirmations} confirmations`;
  }

  /** Every batch under one contract; throws Stopped where one is not there. */
  async check(claims, expectedContract) {
    try {
      const chainId = await this.chain.chainId();
      const contract = this.contract(claims, chainId, expectedContract);
      const found = await this.chain.logId(contract);
      if (found === null) await this.noContract(claims, chainId, contract);
      this.checks.same(
        "contract's log",
        this.logId,
        found,
        "The contract is the anchor of this log.",
        "The contract at this address anchors another log.",
      );
      const final = await this.chain.finalBlock(this.finality);
      const what = this.byHash ? "The block that you trust" : `The newest final block (${this.rule})`;
      this.checks.passed(
        "final block",
        final.number,
        `${what}, of ${moment(final.timestamp * 1000n)}: ${hexOf(final.hash)}.`,
      );
      const committed = [];
      for (const claim of claims) committed.push(await this.committed(claim, chainId, contract, final));
      return { chainId, contract, final, committed, byHash: this.byHash };
    } catch (failure) {
      if (!(failure instanceof ChainUnavailable)) throw failure;
      return this.checks.fail("chain", "an answer", "none", `${failure.reason}.`, NOT_CHECKED);
    }
  }

  contract(claims, chainId, expected) {
    const anchors = claims.flatMap((claim) => claim.batch.anchors);
    const here = anchors.filter((anchor) => anchor.chainId === chainId);
    if (expected !== null) {
      const others = here.map((anchor) => hexOf(anchor.contract)).filter((one) => one !== hexOf(expected));
      if (here.length && others.length === here.length) {
        this.checks.fail(
          "contract",
          expected,
          others.sort()[0],
          "The file names another contract than you agreed on.",
        );
      }
      const where = onWhich(chainId, this.byHash);
      this.checks.passed("contract", expected, `The contract that you named, on ${where}.`);
      return expected;
    }
    if (!here.length) {
      const named = [...new Set(anchors.map((anchor) => anchor.chainId))].sort((a, b) => (a < b ? -1 : 1));
      this.checks.fail(
        "chain",
        named.length ? `chain ${named.join(" or ")}` : "a contract to ask",
        `chain ${chainId}`,
        named.length
          ? "The node is of another chain than the file names."
          : "The file names no chain: name the agreed contract to have it asked.",
        NOT_CHECKED,
      );
    }
    const { contract } = here[0];
    const where = onWhich(chainId, this.byHash);
    this.checks.passed("contract", contract, `The contract that the file names, on ${where}.`);
    return contract;
  }

  /** Fails: a contract that is not there refutes the file, unless the file's block is not there yet. */
  async noContract(claims, chainId, contract) {
    const named = claims
      .flatMap((claim) => claim.batch.anchors)
      .filter((anchor) => anchor.chainId === chainId && hexOf(anchor.contract) === hexOf(contract))
      .flatMap(({ location }) => (location === null ? [] : [location.blockNumber]));
    const last = named.reduce((one, other) => (other > one ? other : one), -1n);
    let told = `There is none at ${hexOf(contract)}.`;
    let verdict = INVALID;
    const final = named.length ? await this.chain.finalBlock(this.finality) : null;
    if (final !== null && last > final.number) {
      told =
        `There is none at ${hexOf(contract)} yet: the newest final block (${this.rule}) is ` +
        `${final.number}, and the file names block ${last}. The node lags behind.`;
      verdict = NOT_CHECKED;
    }
    this.checks.fail("contract", "an AnchorLog", "nothing that answers", told, verdict);
  }

  async committed(claim, chainId, contract, final) {
    let anchors = claim.batch.anchors.filter(
      (anchor) => anchor.chainId === chainId && hexOf(anchor.contract) === hexOf(contract),
    );
    if (!claim.batch.anchors.length) {
      // A batch that names no place may still be the contract's head, or a pinned one.
      anchors = [{ chainId, contract, location: null, through: null }];
    }
    if (!anchors.length) {
      this.checks.fail(
        labelled("chain", claim.label),
        `an anchor in ${hexOf(contract)} on chain ${chainId}`,
        "only other places",
        `The file does not say where batch ${claim.batch.batch.number} is on this chain.`,
        NOT_CHECKED,
      );
    }
    if (claim.direct) {
      anchors = anchors.filter((anchor) => anchor.through === null);
      if (!anchors.length) {
        this.checks.fail(
          labelled("own root", claim.label),
          `the root of batch ${claim.batch.batch.number}`,
          "only that of a later batch",
          "The closing batch's own root has to be on the chain: a later one may hide what came between.",
        );
      }
    }
    if (anchors.length === 1) return this.anchored(claim, anchors[0], contract, final);
    // One that holds is enough. Where none does, one that could not be checked leaves the batch unchecked,
    // whichever is named first.
    let kept = null;
    for (const anchor of anchors) {
      const attempt = new OnChain(new Checks(), this.chain, this.logId, this.finality, this.clock);
      try {
        const found = await attempt.anchored(claim, anchor, contract, final);
        this.take(attempt.checks.steps);
        return found;
      } catch (failure) {
        if (!(failure instanceof Stopped)) {
          this.take(attempt.checks.steps);
          throw failure;
        }
        if (kept === null || failure.verdict === NOT_CHECKED || kept.verdict !== NOT_CHECKED) {
          kept = { verdict: failure.verdict, steps: attempt.checks.steps };
        }
      }
    }
    this.take(kept.steps);
    throw new Stopped(kept.verdict);
  }

  take(steps) {
    for (const step of steps)
      this.checks.note(step.name, step.outcome, step.expected, step.found, step.explanation);
  }

  async anchored(claim, anchor, contract, final) {
    const [batch, root] = anchoredRoot(new Checks(), claim, anchor, this.logId);
    const ownRoot = anchorRoot(this.logId, claim.batch.batch);
    const head = await this.chain.head(contract, final.number);
    let evidence = null;
    if (anchor.location !== null) {
      evidence = await this.byEvent(claim, anchor.location, contract, batch, root, final);
    }
    evidence ??= await this.byState(claim, contract, batch, head, final, anchor.location !== null);
    evidence = this.inTime(claim, batch, evidence, final, hexOf(root) === hexOf(head));
    this.within(claim, evidence.time * 1000n);
    if (claim.mustBeNewest) {
      this.checks.same(
        labelled("current head", claim.label),
        ownRoot,
        head,
        `This root is the contract's head in block ${final.number}.`,
        `The contract's head in block ${final.number} is another: the file shows an older state.`,
      );
      this.goesOn(claim, final);
    }
    const block = evidence.time * 1000n;
    const ownEvent = evidence.by === "event" && anchor.through === null ? block : null;
    return {
      number: claim.batch.batch.number,
      ...evidence,
      isHead: hexOf(ownRoot) === hexOf(head),
      asOf: final,
      newest: newestAsOf(claim.batch.batch.sealedAt, ownEvent, block),
    };
  }

  /**
   * When the batch on the chain says it was sealed, held against the block that proves its root. An early block
   * proves nothing about a batch of the future; the final one may, while it is the head.
   */
  inTime(claim, batch, evidence, final, isHead) {
    const name = labelled("block time", claim.label);
    const sealed = `${moment(batch.sealedAt)}, when batch ${batch.number} says it was sealed`;
    let found = evidence;
    if (isHead && saysNothing(batch.sealedAt, found.time * 1000n)) {
      this.checks.skipped(
        name,
        `The block of ${moment(found.time * 1000n)} proves nothing, since it is more than 15 minutes ` +
          `before ${sealed}.`,
      );
      found = { by: "head", block: final.number, time: final.timestamp };
    }
    this.checks.holds(
      name,
      !saysNothing(batch.sealedAt, found.time * 1000n),
      `from ${moment(earliestBlock(batch.sealedAt))}`,
      moment(found.time * 1000n),
      `The block that proves the root is not more than 15 minutes before ${sealed}.`,
    );
    return found;
  }

  /** The time of the block that proves a batch, held against the span that it bounds. */
  within({ noLater, noEarlier }, time) {
    if (noLater !== undefined) {
      this.checks.holds(
        "span: opening block",
        time <= noLater,
        `up to ${moment(noLater)}`,
        moment(time),
        "The opening batch was on the chain no later than the span began.",
      );
    }
    if (noEarlier !== undefined) {
      this.checks.holds(
        "span: closing block",
        time >= noEarlier,
        `from ${moment(noEarlier)}`,
        moment(time),
        "The closing batch came onto the chain after the span was over.",
      );
    }
  }

  /** The final block is not of long ago: what is newest, an old one cannot say. */
  goesOn(claim, final) {
    if (this.clock === null) return;
    const name = labelled(NEWEST_BLOCK, claim.label);
    const time = moment(final.timestamp * 1000n);
    const why = standsStill(this.clock, final);
    if (why !== null) {
      const oldest = `a final block of ${moment(since(this.clock))} or later`;
      this.checks.fail(name, oldest, time, why, NOT_CHECKED);
    }
    this.checks.passed(name, time, "The final block is recent: the node does not stand still.");
  }

  /** The event that the file names; null where the node keeps no events that old. */
  async byEvent(claim, location, contract, batch, root, final) {
    const number = location.blockNumber;
    const step = (name) => labelled(name, claim.label);
    if (number > final.number) {
      this.checks.fail(
        step("finality"),
        `a block up to ${final.number}`,
        `block ${number}`,
        `The block is not final yet by your rule (${this.rule}), or the node lags behind.`,
        NOT_CHECKED,
      );
    }
    let block;
    try {
      block = await this.chain.block(number);
    } catch (failure) {
      if (!(failure instanceof EventsUnavailable)) throw failure;
      this.checks.skipped(step("block"), `${failure.reason}.`);
      return null;
    }
    if (block === null) {
      throw new ChainUnavailable(`the node has no block ${number}, though its final block is above it`);
    }
    this.checks.same(
      step("block"),
      location.blockHash,
      block.hash,
      `Block ${number} is final, and the one that the file names.`,
      `The chain's block ${number} is another than the file names.`,
    );
    let events;
    try {
      events = await this.chain.anchored(contract, block.hash);
    } catch (failure) {
      if (!(failure instanceof EventsUnavailable)) throw failure;
      this.checks.skipped(step("anchored event"), `${failure.reason}.`);
      return null;
    }
    const ours = events.filter((event) => hexOf(event.newHead) === hexOf(root));
    if (!ours.length) {
      this.checks.fail(
        step("anchored event"),
        root,
        events.length ? events[0].newHead : "no event of this contract",
        `The contract anchored no such root in block ${number}.`,
      );
    }
    // A block may anchor one root twice, with another between; any that fits is good.
    const event =
      ours.find((one) => hexOf(one.transactionHash) === hexOf(location.transactionHash)) ?? ours[0];
    this.checks.same(
      step("anchored event"),
      root,
      event.newHead,
      `The contract anchored this root in block ${number}.`,
    );
    this.checks.same(
      step("transaction"),
      location.transactionHash,
      event.transactionHash,
      "It is in the transaction that the file names.",
    );
    this.checks.same(
      step("batch number"),
      batch.number,
      event.number,
      "The event states the batch's own number.",
    );
    return { by: "event", block: number, time: block.timestamp };
  }

  /**
   * The batch's root as the contract's head, or pinned. Where the file names an event that could not be looked
   * for (`noEvents`), nothing shows whether the root is pinned, or the block is older than the batch, one that is
   * found in neither place is not contradicted.
   */
  async byState(claim, contract, batch, head, final, noEvents) {
    const root = anchorRoot(this.logId, batch);
    let unknown = noEvents;
    let pinnedAt = 0n;
    try {
      pinnedAt = await this.chain.pinnedAt(contract, root, final.number);
    } catch (failure) {
      if (!(failure instanceof PinUnknown)) throw failure;
      unknown = true;
    }
    if (pinnedAt) {
      this.checks.passed(
        labelled("pinned head", claim.label),
        root,
        "The contract keeps this root as a pinned head.",
      );
      this.checks.holds(
        labelled("pin's time", claim.label),
        pinnedAt <= final.timestamp,
        `up to ${moment(final.timestamp * 1000n)}`,
        moment(pinnedAt * 1000n),
        `It was not pinned after block ${final.number}, as of which it is.`,
      );
      return { by: "pinned", block: null, time: pinnedAt };
    }
    const name = labelled("contract's head", claim.label);
    if (hexOf(root) !== hexOf(head)) {
      const [why, verdict] = notSeen(batch, final, unknown, this.byHash);
      this.checks.fail(name, root, head, why, verdict);
    }
    this.checks.passed(name, root, `This root is the contract's head in block ${final.number}.`);
    return { by: "head", block: final.number, time: final.timestamp };
  }
}
