// What a time that the operator wrote is worth beside the time of a block: section 8, 'Times'. All times are
// milliseconds since 1970 (BigInt); a block's time is its timestamp in seconds times 1000.

/** A batch that says it was sealed longer than this after a block is not proven by that block. */
export const MOST_AHEAD = 15n * 60n * 1000n;

/**
 * @param {bigint} one
 * @param {bigint} other
 */
const least = (one, other) => (one < other ? one : other);

/**
 * Whether a block of that time proves nothing about a batch sealed, as it says, at `sealedAt`.
 * @param {bigint} sealedAt
 * @param {bigint} blockTime
 */
export const saysNothing = (sealedAt, blockTime) => sealedAt > blockTime + MOST_AHEAD;

/**
 * The earliest time of a block that proves something about a batch sealed, as it says, at `sealedAt`.
 * @param {bigint} sealedAt
 */
export const earliestBlock = (sealedAt) => (sealedAt > MOST_AHEAD ? sealedAt - MOST_AHEAD : 0n);

/**
 * As of when what a batch says is the newest, or absent, and on what condition ("" where on none). `firstEvent`
 * is the time of the block of the earliest event of its root that was seen, null where none was.
 * @param {bigint} sealedAt
 * @param {bigint | null} firstEvent
 * @param {bigint} provingBlock
 * @param {boolean} [earlierRead]
 */
export function newestAsOf(sealedAt, firstEvent, provingBlock, earlierRead = false) {
  const time = least(earliestBlock(sealedAt), provingBlock);
  const inOrder = "if the log anchored its batches in order";
  if (firstEvent === null) return { time, condition: `by the operator's clock, and ${inOrder}` };
  return {
    time: least(time, firstEvent),
    condition: earlierRead ? "" : `${inOrder}, and unless the same root was anchored before`,
  };
}
