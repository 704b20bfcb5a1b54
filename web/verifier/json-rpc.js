// @ts-nocheck
// A chain read over JSON-RPC: few calls, each bounded in time and size, none trusted.

import { bytesOf, hexOf, join, keccak, utf8, ZERO } from "./bytes.js";
import { ChainUnavailable, EventsUnavailable } from "./on-chain.js";

export const LARGEST_ANSWER = 8 * 1024 * 1024;
const TIMEOUT = 20_000;

const selector = (signature) => hexOf(keccak(utf8(signature))).slice(0, 10);
const ANCHORED_TOPIC = hexOf(keccak(utf8("Anchored(uint64,bytes32,bytes32)")));
const LOG_ID = selector("logId()");
const HEAD = selector("head()");
const PINNED_AT = selector("pinnedAt(bytes32)");

/** The words of a node that has too much to do: they say nothing about the chain. */
const TOO_BUSY =
  /rate limit|too many requests|limit exceeded|request limit|throttl|capacity|quota|credits|overload|time-?out|timed out|unavailable|internal error|try again|no backend|deadline|busy/i;

const quantity = (number) => `0x${number.toString(16)}`;

/** The node answered with an error of its own: `said`, in its words alone. */
class NodeRefused extends ChainUnavailable {
  constructor(reason, said) {
    super(reason);
    this.said = said;
  }
}

/** One node over HTTP. */
export class JsonRpcChain {
  constructor(url, { timeout = TIMEOUT, send = globalThis.fetch.bind(globalThis) } = {}) {
    this.name = shownUrl(url);
    this.url = url;
    this.timeout = timeout;
    this.send = send;
  }

  async chainId() {
    return this.quantity(await this.call("eth_chainId"), "a chain id");
  }

  /** The newest block that is final by the rule. */
  async finalBlock({ tag, confirmations }) {
    if (tag !== null) {
      const block = await this.readBlock(tag).catch(async (error) => {
        if (!(error instanceof NodeRefused) || TOO_BUSY.test(error.said)) throw error;
        // Who refuses the tag in whatever words, and answers this, does not have it.
        await this.readBlock("latest");
        return null;
      });
      if (block !== null) return block;
      throw new ChainUnavailable(
        `${this.name} knows no ${tag} block: where the chain has none, choose a number of confirmations`,
      );
    }
    const newest = await this.readBlock("latest");
    if (newest === null || newest.number + 1n < confirmations) {
      throw new ChainUnavailable(`${this.name} knows no block with ${confirmations} confirmations`);
    }
    const block = await this.block(newest.number + 1n - confirmations);
    if (block === null) throw new ChainUnavailable(`${this.name} does not show a block below its newest`);
    return block;
  }

  /** The block at a height; null where the chain is not that high. */
  async block(number) {
    const block = await this.readBlock(quantity(number));
    if (block !== null && block.number !== number) {
      throw this.unusable(`block ${block.number}, asked for block ${number}`);
    }
    return block;
  }

  /** The contract's log id; null where nothing there has one. It is immutable: the newest block serves. */
  async logId(contract) {
    try {
      return await this.callContract(contract, LOG_ID, "latest");
    } catch (error) {
      if (error instanceof NodeRefused && error.said.includes("revert")) return null;
      throw error;
    }
  }

  async head(contract, block) {
    return (await this.callContract(contract, HEAD, quantity(block))) ?? ZERO;
  }

  /** When a root was pinned, in seconds; 0 where it was not. */
  async pinnedAt(contract, root, block) {
    const word = await this.callContract(contract, PINNED_AT + hexOf(root).slice(2), quantity(block));
    return word === null ? 0n : BigInt(hexOf(word));
  }

  async anchored(contract, blockHash) {
    const wanted = { address: hexOf(contract), topics: [ANCHORED_TOPIC], blockHash: hexOf(blockHash) };
    let answer;
    try {
      answer = await this.call("eth_getLogs", wanted);
    } catch (error) {
      if (!(error instanceof NodeRefused)) throw error;
      throw new EventsUnavailable(`the node shows no events of that block: ${error.reason}`);
    }
    if (!Array.isArray(answer)) throw this.unusable("events that are not a list");
    return answer.map((event) => this.event(event, contract, blockHash));
  }

  async call(method, ...params) {
    const request = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const { status, body } = await this.post(request);
    if (status === 429 || status === 503) {
      throw new ChainUnavailable(`${this.name} answers ${method} with HTTP ${status}: it has too much to do`);
    }
    let answer;
    try {
      answer = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    } catch {
      throw new ChainUnavailable(`${this.name} answers ${method} with HTTP ${status} and no JSON`);
    }
    if (answer === null || typeof answer !== "object" || Array.isArray(answer)) {
      throw this.unusable(`${method} with something that is not JSON-RPC`);
    }
    if (answer.error !== undefined && answer.error !== null) {
      const message = typeof answer.error === "string" ? answer.error : answer.error.message;
      const said =
        typeof message === "string"
          ? Array.from(message.slice(0, 400)).slice(0, 200).join("")
          : "an error without words";
      throw new NodeRefused(`${this.name} refuses ${method}: ${said}`, said);
    }
    if (answer.result === undefined) throw this.unusable(`${method} with neither result nor error`);
    return answer.result;
  }

  async post(request) {
    if (!canAsk(this.url)) throw new ChainUnavailable(`${this.name} is not a URL that a page can ask`);
    const signal = AbortSignal.timeout(this.timeout);
    try {
      const response = await this.send(this.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: request,
        signal,
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
      });
      const chunks = [];
      let size = 0;
      for await (const chunk of chunksOf(response.body)) {
        size += chunk.length;
        if (size > LARGEST_ANSWER)
          throw new ChainUnavailable(`${this.name} sends more than ${LARGEST_ANSWER} bytes`);
        chunks.push(chunk);
      }
      return { status: response.status, body: join(...chunks) };
    } catch (error) {
      if (error instanceof ChainUnavailable) throw error;
      if (signal.aborted) {
        throw new ChainUnavailable(`${this.name} takes longer than ${this.timeout / 1000} s to answer`);
      }
      throw new ChainUnavailable(
        `${this.name} does not answer this page (unreachable, or it allows no web page)`,
      );
    }
  }

  /** One word, or null where there is no such contract. */
  async callContract(contract, data, block) {
    const answer = await this.call("eth_call", { to: hexOf(contract), data }, block);
    return answer === "0x" ? null : this.bytes(answer, 32, "a word from the contract");
  }

  async readBlock(which) {
    const answer = await this.call("eth_getBlockByNumber", which, false);
    if (answer === null) return null;
    if (typeof answer !== "object" || Array.isArray(answer))
      throw this.unusable("a block that is not an object");
    return {
      number: this.quantity(answer.number, "a block's number"),
      hash: this.bytes(answer.hash, 32, "a block's hash"),
      timestamp: this.quantity(answer.timestamp, "a block's time"),
    };
  }

  event(event, contract, blockHash) {
    const topics = event?.topics;
    if (!Array.isArray(topics) || topics.length !== 3)
      throw this.unusable("an event that is not the contract's");
    const [signature, number, newHead] = topics.map((topic) => this.bytes(topic, 32, "a topic"));
    const source = this.bytes(event.address, 20, "an event's contract");
    const block = this.bytes(event.blockHash, 32, "an event's block");
    const asked =
      hexOf(signature) === ANCHORED_TOPIC &&
      hexOf(source) === hexOf(contract) &&
      hexOf(block) === hexOf(blockHash) &&
      [undefined, null, false].includes(event.removed);
    if (!asked) throw this.unusable("an event that was not asked for");
    if (number.slice(0, 24).some((byte) => byte)) throw this.unusable("an event whose number is no u64");
    const found = {
      number: BigInt(hexOf(number)),
      previousHead: this.bytes(event.data, 32, "an event's data"),
      newHead,
      transactionHash: this.bytes(event.transactionHash, 32, "an event's transaction"),
    };
    // An event without a place is not on the chain (yet).
    this.quantity(event.blockNumber, "an event's block");
    this.quantity(event.logIndex, "an event's place");
    return found;
  }

  bytes(value, length, what) {
    // Addresses may come with a checksum in upper case.
    const digits = typeof value === "string" && value.startsWith("0x") ? value.slice(2).toLowerCase() : "";
    if (digits.length !== 2 * length || !/^[0-9a-f]*$/.test(digits)) {
      throw this.unusable(`something that is not ${what}`);
    }
    return bytesOf(`0x${digits}`);
  }

  quantity(value, what) {
    if (typeof value !== "string" || !/^0x[0-9a-fA-F]{1,16}$/.test(value)) {
      throw this.unusable(`something that is not ${what}`);
    }
    return BigInt(value);
  }

  unusable(answer) {
    return new ChainUnavailable(`${this.name} answers with ${answer}`);
  }
}

async function* chunksOf(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Several nodes of one chain: an answer counts where all give the same. */
export class AgreeingChains {
  constructor(chains) {
    this.chains = chains;
  }

  async finalBlock(finality) {
    const blocks = await Promise.all(this.chains.map((chain) => chain.finalBlock(finality)));
    const lowest = blocks.reduce((one, other) => (other.number < one.number ? other : one));
    const agreed = await this.block(lowest.number);
    if (agreed === null)
      throw new ChainUnavailable(`no node shows block ${lowest.number}, which one of them calls final`);
    return agreed;
  }

  chainId = () => this.all("the chain's id", (chain) => chain.chainId());
  block = (number) => this.all(`block ${number}`, (chain) => chain.block(number));
  logId = (contract) => this.all("the contract's log", (chain) => chain.logId(contract));
  head = (contract, block) => this.all("the contract's head", (chain) => chain.head(contract, block));
  pinnedAt = (contract, root, block) =>
    this.all("a pinned head", (chain) => chain.pinnedAt(contract, root, block));
  anchored = (contract, hash) => this.all("the events of a block", (chain) => chain.anchored(contract, hash));

  async all(what, ask) {
    const answers = await Promise.all(this.chains.map(ask));
    const texts = answers.map((answer) => comparable(answer));
    const other = texts.findIndex((text) => text !== texts[0]);
    if (other > 0) {
      throw new ChainUnavailable(
        `${this.chains[0].name} and ${this.chains[other].name} disagree about ${what}: one of them lies or lags`,
      );
    }
    return answers[0];
  }
}

const comparable = (answer) =>
  JSON.stringify(answer, (_, value) =>
    typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? hexOf(value) : value,
  );

/** Whether a page can ask at a URL: a relative one would ask whoever served the page, and one with a password is refused. */
export function canAsk(url) {
  try {
    const { protocol, username, password } = new URL(url);
    return ["http:", "https:"].includes(protocol) && !username && !password;
  } catch {
    return false;
  }
}

/** Scheme, host and port of a URL: user, password, path and query may hold a key. */
export function shownUrl(url) {
  try {
    const parts = new URL(url);
    const hidden = parts.pathname.replaceAll("/", "") || parts.search || parts.username ? "/…" : "";
    return `${parts.protocol}//${parts.host}${hidden}`;
  } catch {
    return "an unreadable URL";
  }
}
