// Turns with the page: what it shows and what is clicked must not wait for the end of a long check.

const LONGEST_TURN = 20;

// A timer that follows upon timers waits four milliseconds more, and a second in a tab that is not seen.
const pause = globalThis.scheduler?.postTask
  ? () => globalThis.scheduler.postTask(() => {})
  : () => new Promise((resolve) => setTimeout(resolve));

/**
 * What to await between two pieces of work; it throws where `signal` aborted in between. `onTurn` is called
 * before each turn: what it shows is seen.
 * @param {() => void} [onTurn]
 * @returns {(signal?: AbortSignal) => Promise<void>}
 */
export function turns(onTurn = () => {}) {
  let last = Date.now();
  return async (signal) => {
    if (Date.now() - last < LONGEST_TURN) return;
    onTurn();
    await pause();
    signal?.throwIfAborted();
    last = Date.now();
  };
}
