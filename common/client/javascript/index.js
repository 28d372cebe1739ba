/**
 * Submits cases to a casemill broker and receives their results, with zeromq and @msgpack/msgpack.
 *
 *     const client = new casemill.Client({brokers: "tcp://127.0.0.1:5570", source: "north"});
 *     await client.submit({case_id: "A-1", revision: 0, facts: {claim_country: "US"}});
 *     for (const receipt of await client.wait({timeout: 60000})) console.log(receipt.event, receipt.outcomes);
 *     client.close();
 *
 * A batch keeps its id until its last receipt.  After a new connection, a long silence or with the next broker the same
 * bytes go out under the same id again: the broker and the database count a case once.  The protocol is in
 * common/wire/README.md, the case and the retry rules in common/client/README.md.  All times are milliseconds.
 */
"use strict";

const {createPrivateKey, createPublicKey, randomBytes} = require("node:crypto");
const {readFileSync} = require("node:fs");
const {encode, decode, decodeMulti} = require("@msgpack/msgpack");
const zmq = require("zeromq");

const DISPOSITIONS = ["not_subject", "exception_applies", "insufficient_information", "screening_required", "subject_to_agreement"];
const RESULT_TRIES = 2; // a batch whose DONE came without the results is sent again so often
const MAX_BATCH_CASES = 65536;
const MAX_BATCH_BYTES = 2 << 20; // every broker accepts so much
const PATIENCE_MS = 500; // without a connection, before the next broker of the list
const ASK_MS = 1000; // a waiting client asks the broker for its state so often
const SILENT_MS = 3000;
const TICK_MS = 50;
const BUSY = {
  journal_full: "its journal has reached journal.bytes_max",
  queue_full: "its limit of waiting batches is reached",
  rate: "batches arrive faster than its disk can write",
  stopped: "it accepts nothing until an operator resumes or restarts it",
};
const REFUSALS = {
  "handshake:error:auth": "the broker refuses this key",
  "handshake:error:protocol": "one side requires keys, the other has none",
  "handshake:error:other": "the handshake failed: a wrong public key of the broker, or no casemill broker",
};

/**
 * @typedef {Object} Case
 * @property {string} case_id unique within the source
 * @property {number} revision rises with each change
 * @property {string} [reference_date] YYYY-MM-DD
 * @property {string} [as_of] YYYY-MM-DD
 * @property {Object<string, any>} facts known facts; undefined ones are left out
 *
 * @typedef {Object} DeadLetter
 * @property {number} case its number among all cases that this client submitted, from 0
 * @property {string} reason
 * @property {string} path
 * @property {string} expected
 * @property {string} found
 *
 * @typedef {Object} Result of one case: an outcome, or `dead`
 * @property {number} case
 * @property {string} [disposition]
 * @property {string | null} [agreement] null: the case was purged since
 * @property {string} [reason]
 * @property {boolean} [duplicate] it was stored before; this is the stored outcome
 * @property {{path: string, question: string}[]} [missing] facts to ask for, the next one first
 * @property {DeadLetter} [dead]
 *
 * @typedef {Object} Receipt the last one of a batch
 * @property {"ACCEPTED" | "DONE" | "REFUSED"} event
 * @property {string} batch its id in hex
 * @property {number} first number of its first case
 * @property {number} count
 * @property {Object<string, number>} outcomes cases by disposition, duplicates included
 * @property {number} duplicates
 * @property {DeadLetter[]} dead at most 1,000
 * @property {number} deadCount
 * @property {Result[]} [results] of each case, with the option; undefined: the broker could not give them
 * @property {string} reason of REFUSED
 * @property {number} [case] of REFUSED, if one is to blame
 *
 * @typedef {Object} Options
 * @property {string | string[]} [brokers] the next is used when one is lost, silent or stops
 * @property {string} [source] this intake system's name; with a key, the key's name
 * @property {"outcome" | "journal"} [ack] a batch is settled when it is committed, or when it is on the broker's disk
 * @property {"urgent" | "normal" | "bulk"} [priority]
 * @property {number} [batchCases] cases in a batch
 * @property {number} [window] unsettled batches at most
 * @property {number} [quiet] after so long without a reply about a batch the client asks
 * @property {string} [key] file of the own secret key (casemill keys new)
 * @property {string} [brokerKey] file of the broker's public key
 * @property {boolean} [results] with ack "outcome": a receipt has the result of each case
 * @property {(reason: string, ms: number) => void} [onBusy] may not call the client, which sends the batch again by itself
 */

/** The time is over; unsettled batches stay unsettled, and nothing is lost.  The text has the reason of the wait. */
class Timeout extends Error {}
/** The peer does not answer as a casemill broker does. */
class ProtocolError extends Error {}

/** A number that is sent as a float, also if it is whole; a fact of type double takes both. */
class Double {
  /** @param {number} value */
  constructor(value) {
    this.value = value;
  }
}

/** @returns {Buffer} */
function head(fix, fixMax, wide, count) {
  if (count <= fixMax) return Buffer.from([fix | count]);
  const bytes = Buffer.alloc(5, wide + 1);
  bytes.writeUInt32BE(count, 1);
  return bytes;
}

/** MessagePack of a value of a case. @returns {Uint8Array} */
function pack(value) {
  if (value instanceof Double) {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value.value, 1);
    return bytes;
  }
  if (Array.isArray(value)) return Buffer.concat([head(0x90, 15, 0xdc, value.length), ...value.map(pack)]);
  if (value !== null && typeof value === "object") {
    if (Object.getPrototypeOf(value) !== Object.prototype) {
      throw new TypeError(`a case cannot hold a ${value.constructor?.name ?? "strange object"}`);
    }
    const pairs = Object.entries(value).filter(([, one]) => one !== undefined);
    return Buffer.concat([head(0x80, 15, 0xde, pairs.length), ...pairs.flatMap(([key, one]) => [encode(key), pack(one)])]);
  }
  if (!["string", "number", "boolean"].includes(typeof value) && value !== null) {
    throw new TypeError(`a case cannot hold a ${typeof value}`);
  }
  return encode(value);
}

function keyLine(path, start) {
  const line = readFileSync(path, "ascii").split("\n").find((one) => one.startsWith(start) && !one.startsWith("#"));
  if (!line) throw new Error(`${path}: not a key of \`casemill keys new\``);
  return line.slice(start.length).split(" ")[0];
}

/** The public key of a secret one, both in Z85: X25519. */
function publicKey(secret) {
  const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
  const der = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), Buffer.alloc(32)]);
  for (let i = 0; i < 8; i++) {
    der.writeUInt32BE([...secret.slice(5 * i, 5 * i + 5)].reduce((sum, digit) => 85 * sum + digits.indexOf(digit), 0), 16 + 4 * i);
  }
  const own = createPublicKey(createPrivateKey({key: der, format: "der", type: "pkcs8"})).export({format: "der", type: "spki"});
  let text = "";
  for (let i = own.length - 32; i < own.length; i += 4) {
    let group = "";
    for (let rest = own.readUInt32BE(i), k = 0; k < 5; k++, rest = Math.floor(rest / 85)) group = digits[rest % 85] + group;
    text += group;
  }
  return text;
}

/** The runs [first, count, texts, questions, cases] of a body frame (common/wire/README.md, "Results"), or undefined. */
function readResults(frame, first, count) {
  const found = new Array(count);
  try {
    for (const [start, , texts, questions, cases] of decodeMulti(frame)) {
      cases.forEach((entry, at) => {
        const number = first + start + at;
        const [reason, path, expected, shown] = entry[0] === null ? entry.slice(1, 5).map((text) => texts[text]) : [];
        found[start + at] = entry[0] === null
          ? {case: number, dead: {case: number, reason, path, expected, found: shown}}
          : {
            case: number, disposition: DISPOSITIONS[entry[0]], duplicate: entry[1],
            agreement: entry[2] === null ? null : texts[entry[2]], reason: texts[entry[3]],
            missing: entry[4].map((text) => ({path: texts[text], question: texts[questions[text]] ?? ""})),
          };
      });
    }
  } catch {
    return undefined;
  }
  return found.length === count && !found.includes(undefined) ? found : undefined;
}

class Client {
  /** Starts connecting. @param {Options} [options] */
  constructor(options = {}) {
    const {ack = "outcome", priority = "normal", source} = options;
    this.brokers = [options.brokers ?? "tcp://127.0.0.1:5570"].flat();
    this.batchCases = options.batchCases ?? 1000;
    this.window = options.window ?? 32;
    if (!["outcome", "journal"].includes(ack) || !["urgent", "normal", "bulk"].includes(priority) || this.brokers.length === 0) {
      throw new RangeError("brokers, ack or priority: not one of theirs");
    }
    if (!(this.batchCases >= 1 && this.batchCases <= MAX_BATCH_CASES && this.window >= 1)) {
      throw new RangeError("batchCases: 1 to 65536; window: 1 or more");
    }
    this.quiet = options.quiet ?? 10000;
    this.onBusy = options.onBusy;
    if (options.results && ack !== "outcome") throw new RangeError("results: they need ack outcome");
    this.query = {...(source === undefined ? {} : {source}), ...(options.results ? {results: true} : {})};
    this.header = {ack, priority, ...this.query};
    if (options.key !== undefined) {
      const curveSecretKey = keyLine(options.key, "secret ");
      const curveServerKey = keyLine(options.brokerKey ?? "", "");
      this.keys = {curveSecretKey, curvePublicKey: publicKey(curveSecretKey), curveServerKey};
    }
    this.open = []; // the batch being filled
    this.openBytes = 0;
    this.position = 0; // of its first case
    this.batches = new Map(); // by id in hex: closed and unsettled, in their order
    this.receipts = [];
    this.hold = this.brokers.map(() => 0); // nothing is sent to a broker before: it was BUSY
    this.current = 0;
    this.isSending = false;
    this.#connect();
    this.timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends the connection and forgets unsettled batches. */
  close() {
    clearInterval(this.timer);
    this.socket.close();
  }

  /** The address of the broker in use. */
  get broker() {
    return this.brokers[this.current];
  }

  /** Closed batches without their last receipt. */
  get unsettled() {
    return this.batches.size;
  }

  /** Adds one case; sends a batch when it is full.  Waits while the window is full. @param {Case} one */
  async submit(one) {
    const bytes = pack(one);
    if (bytes.length > MAX_BATCH_BYTES) throw new RangeError("a case has at most 2 MiB");
    if (this.open.length === this.batchCases || this.openBytes + bytes.length > MAX_BATCH_BYTES) await this.flush();
    this.open.push(bytes);
    this.openBytes += bytes.length;
  }

  /** Closes the open batch, if there is one. @param {{timeout?: number}} [options] */
  async flush({timeout} = {}) {
    if (this.open.length === 0) return;
    await this.#until(() => this.batches.size < this.window, timeout);
    this.#add(randomBytes(16), Buffer.concat(this.open), this.open.length);
    this.open = [];
    this.openBytes = 0;
  }

  /**
   * Sends these cases as one batch.
   * @param {Case[]} cases
   * @param {{batch?: Buffer, timeout?: number}} [options] batch: its id of 16 bytes, to send it again in another run
   */
  async submitBatch(cases, {batch = randomBytes(16), timeout} = {}) {
    await this.flush({timeout});
    const body = Buffer.concat(cases.map(pack));
    if (cases.length < 1 || cases.length > MAX_BATCH_CASES || body.length > MAX_BATCH_BYTES || batch.length !== 16) {
      throw new RangeError("a batch has 1 to 65536 cases, at most 2 MiB, and an id of 16 bytes");
    }
    await this.#until(() => this.batches.size < this.window, timeout);
    this.#add(batch, body, cases.length);
  }

  /**
   * Waits until every batch is settled.  Throws Timeout.
   * @param {{timeout?: number}} [options] without: no end
   * @returns {Promise<Receipt[]>} those since the last call, in the order in which batches were settled
   */
  async wait({timeout} = {}) {
    await this.flush({timeout});
    await this.#until(() => this.batches.size === 0, timeout);
    return this.take();
  }

  /** The receipts since the last call, without a wait. @returns {Receipt[]} */
  take() {
    return this.receipts.splice(0);
  }

  /** The broker in use, and in one line why unsettled batches wait: no connection, BUSY with its reason, paused, ... */
  why() {
    const now = performance.now();
    let text = this.receivedAt === 0 ? "it is connected, and has not answered yet" : "it answers, but has not finished the batches";
    if (!this.isConnected) text = this.fault || "no connection";
    else if (this.askedAt !== 0 && now - this.askedAt >= ASK_MS && now - this.receivedAt >= SILENT_MS) {
      text = "it is connected, but does not answer";
    } else if (this.busy !== "") {
      text = `BUSY ${this.busy}: ${BUSY[this.busy] ?? "it accepts no batch now"}${this.unready ? `; ${this.unready}` : ""}`;
    } else if (this.unready !== undefined) text = this.unready || "at work";
    return `${this.broker}: ${text}`;
  }

  async #until(isReached, timeout) {
    const began = performance.now();
    let progressAt = began;
    let unsettled = this.batches.size;
    while (!isReached()) {
      const now = performance.now();
      if (this.error) throw this.error;
      if (timeout !== undefined && now - began >= timeout) throw new Timeout(`after ${timeout / 1000} s: ${this.why()}`);
      if (this.batches.size !== unsettled) {
        unsettled = this.batches.size;
        progressAt = now;
      }
      this.isAsking = now - progressAt >= Math.min(ASK_MS, (timeout ?? 4000) / 4);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.isAsking = false;
  }

  #add(id, body, count) {
    this.batches.set(id.toString("hex"), {id, body, count, first: this.position, isSent: false, mentionedAt: 0, tries: 0});
    this.position += count;
    this.#tick();
  }

  // --- the connection

  #connect() {
    const keys = this.broker.startsWith("tcp://") ? this.keys : undefined;
    this.socket = new zmq.Dealer({
      linger: 200, sendTimeout: 1000, reconnectInterval: 50, reconnectMaxInterval: 1000,
      heartbeatInterval: 5000, heartbeatTimeout: 15000, ...keys,
    });
    this.isConnected = false;
    this.fault = "";
    this.downSince = performance.now(); // of no meaning while connected
    this.redialAt = 0;
    this.#forget();
    const socket = this.socket;
    socket.events.on("handshake", () => socket === this.socket && this.#connected());
    socket.events.on("disconnect", () => socket === this.socket && this.#disconnected());
    socket.events.on("close", () => socket === this.socket && !this.isConnected && (this.fault = ""));
    for (const [event, text] of Object.entries(REFUSALS)) {
      socket.events.on(event, () => {
        if (socket !== this.socket) return;
        this.fault = text; // libzmq gives up when it is refused, but the key may be allowed later
        if (event !== "handshake:error:other") this.redialAt = performance.now() + ASK_MS;
      });
    }
    socket.connect(this.broker);
    this.#receive(socket);
  }

  #connected() {
    this.isConnected = true;
    this.fault = "";
    this.#forget();
    this.#tick();
  }

  #disconnected() {
    if (this.isConnected) this.downSince = performance.now();
    this.isConnected = false;
  }

  /** What a broker said holds for one connection; what it did not settle is sent again. */
  #forget() {
    this.busy = "";
    this.unready = undefined;
    this.askedAt = this.pingedAt = this.receivedAt = 0;
    for (const batch of this.batches.values()) batch.isSent = false;
  }

  /** Uses the next broker when this one is lost, silent, or stops; connects again when it was refused. */
  #moveOn(now) {
    const isLost = !this.isConnected && now - this.downSince > PATIENCE_MS;
    const isSilent = this.askedAt !== 0 && now - this.askedAt > this.quiet;
    const isOther = this.brokers.length > 1 && (isLost || isSilent || this.busy === "stopped");
    if (!isOther && (this.redialAt === 0 || now < this.redialAt)) return;
    const {fault, socket} = this;
    if (isOther) this.current = (this.current + 1) % this.brokers.length;
    this.#connect();
    this.fault = isOther ? "" : fault;
    socket.close();
  }

  async #send(command, header, ...body) {
    try {
      await this.socket.send([encode(["CM1", command, header]), ...body]);
      return true;
    } catch {
      return false; // the connection ended meanwhile: all is sent again with the next
    }
  }

  #tick() {
    if (this.isSending) return;
    this.isSending = true;
    this.#pump().catch((error) => (this.error = error)).finally(() => (this.isSending = false));
  }

  /** Sends what is due, one message after the other. */
  async #pump() {
    this.#moveOn(performance.now());
    for (const batch of [...this.batches.values()]) {
      const now = performance.now();
      if (!this.isConnected || !this.batches.has(batch.id.toString("hex"))) continue;
      if (!batch.isSent && now >= this.hold[this.current]) {
        batch.isSent = true; // before it is: an answer, or a new connection, may come at once
        batch.mentionedAt = now;
        if (!(await this.#send("SUBMIT", {batch: batch.id, count: batch.count, ...this.header}, batch.body))) batch.isSent = false;
      } else if (batch.isSent && now - batch.mentionedAt > this.quiet) {
        batch.mentionedAt = now;
        this.askedAt ||= now;
        await this.#send("QUERY", {batch: batch.id, ...this.query});
      }
    }
    const now = performance.now();
    if (this.isAsking && this.isConnected && now - this.pingedAt >= ASK_MS) {
      this.pingedAt = now;
      this.askedAt ||= now;
      await this.#send("PING", {});
    }
  }

  // --- what the broker answers

  async #receive(socket) {
    try {
      for await (const [bytes, body] of socket) {
        if (socket !== this.socket) return;
        this.#take(bytes, body);
      }
    } catch (error) {
      if (!socket.closed) this.error = error instanceof ProtocolError ? error : new ProtocolError(`${this.broker}: ${error.message}`);
    }
  }

  #take(bytes, body) {
    const message = decode(bytes);
    if (!Array.isArray(message) || message[0] !== "CM1") throw new ProtocolError(`${this.broker} does not answer as a casemill broker does`);
    const [, command, header] = message;
    this.receivedAt = performance.now();
    this.askedAt = 0;
    const batch = this.batches.get(Buffer.from(header.batch ?? []).toString("hex"));
    if (command === "PONG") this.unready = header.ready ? "" : header.unready;
    else if (command === "REFUSED" && !header.batch) throw new ProtocolError(`${this.broker}: REFUSED ${header.reason}`);
    else if (batch === undefined) return; // settled already, by an earlier answer
    else if (command === "BUSY") this.#takeBusy(batch, header);
    else if (command !== "STATUS") this.#takeReceipt(command, batch, header, body);
    else if (header.done) this.#takeReceipt("DONE", batch, header.done);
    else if (["accepted", "working"].includes(header.state)) this.#takeReceipt("ACCEPTED", batch, header);
    else batch.isSent = false; // unknown, or its body is damaged there: the same batch again
  }

  #takeBusy(batch, header) {
    const ms = Math.min(Math.max(header.retry_ms, 10), 60000);
    batch.isSent = false;
    this.busy = header.reason;
    this.hold[this.current] = performance.now() + ms;
    this.onBusy?.(header.reason, ms);
  }

  #takeReceipt(event, batch, header, body) {
    batch.mentionedAt = performance.now();
    if (event === "ACCEPTED" || event === "DONE") this.busy = "";
    if ((event === "ACCEPTED" && this.header.ack === "outcome") || !["ACCEPTED", "DONE", "REFUSED"].includes(event)) return;
    const isWanted = event === "DONE" && this.query.results === true;
    const results = isWanted && body ? readResults(body, batch.first, batch.count) : undefined;
    if (isWanted && results === undefined && batch.tries++ < RESULT_TRIES) {
      batch.isSent = false; // sent again it has the results that are stored
      return;
    }
    const dead = (header.dead ?? []).map((one) => ({
      case: batch.first + one.index, reason: one.reason, path: one.path ?? "", expected: one.expected ?? "", found: one.found ?? "",
    }));
    this.batches.delete(batch.id.toString("hex"));
    this.receipts.push({
      event, batch: batch.id.toString("hex"), first: batch.first, count: batch.count, outcomes: header.outcomes ?? {},
      duplicates: header.duplicates ?? 0, dead, deadCount: header.dead_count ?? 0, results, reason: header.reason ?? "",
      case: header.index == null ? undefined : batch.first + header.index,
    });
  }
}

module.exports = {Client, Double, Timeout, ProtocolError, DISPOSITIONS, MAX_BATCH_BYTES, MAX_BATCH_CASES};
