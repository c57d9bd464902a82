/** Closed-loop load over raw keep-alive connections: a few microseconds per request, so that one core of load fills one core of server. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CAN_PIN } from './machine.mjs';

const CONNECTIONS = 32;
const LENGTH = /content-length: (\d+)/i;

/** One request as it goes over the wire. */
export function wire(headers) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET /api/me HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n`);
}

/** Hands out requests in turn, for ever; every server has its own place in the ring. */
export class Ring {
  index = 0;

  constructor(requests) {
    this.requests = requests;
  }

  next() {
    const request = this.requests[this.index];
    this.index = (this.index + 1) % this.requests.length;
    return request;
  }
}

/** Sends for some milliseconds, the next request of a connection as soon as its answer is there. */
export async function run({ port, ring, ms, connections = CONNECTIONS }) {
  const results = new Results();
  const clients = await Promise.all(Array.from({ length: connections }, () => Client.open(port, results)));
  const deadline = performance.now() + ms;
  await awake(Promise.all(clients.map((client) => client.sendUntil(deadline, ring))));
  for (const client of clients) client.close();
  return results.summary(ms);
}

/** Sends at a steady rate, whatever the answers do, until the signal. */
export async function drip({ port, ring, perSecond, signal }) {
  const results = new Results();
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(port, results)));
  const start = performance.now();
  for (let sent = 0; !signal.aborted;) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond);
    for (const client of clients) if (sent < due && client.isIdle) sent += client.send(ring.next());
    await delay(1);
  }
  for (const client of clients) client.close();
  return results.summary(performance.now() - start);
}

/** Sends each request once, many at a time. */
export async function sendEach({ port, requests }) {
  const results = new Results();
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => Client.open(port, results)));
  const queue = requests[Symbol.iterator]();
  await awake(Promise.all(clients.map((client) => client.sendAll(queue))));
  for (const client of clients) client.close();
  return results.summary(1000);
}

/**
 * Keeps this process from sleeping until the work is done, where it has a core of its own: whoever answers a process that sleeps has to wake it, which took
 * up to 10 µs of a server's time, and the slower a server is the more often it would.
 */
async function awake(work) {
  let isDone = !CAN_PIN;
  const turn = () => {
    if (!isDone) setImmediate(turn);
  };
  turn();
  try {
    return await work;
  } finally {
    isDone = true;
  }
}

class Results {
  latencies = [];
  statuses = {};

  add(status, latency) {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.latencies.push(latency);
  }

  summary(ms) {
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const { length: count } = sorted;
    return { count, rate: (count * 1000) / ms, p50: at(0.5), p99: at(0.99), statuses: this.statuses };
  }
}

/** One connection with one request under way at most. */
class Client {
  isIdle = true;
  pending = '';
  /** Length of a whole answer by status: answers of one route are alike, and most need no look at their headers. */
  lengths = new Map();

  static async open(port, results) {
    const client = new Client();
    client.results = results;
    const onread = { buffer: Buffer.alloc(65_536), callback: (length, buffer) => client.received(length, buffer) };
    client.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
    await once(client.socket, 'connect');
    client.socket.on('error', () => client.answered('lost'));
    return client;
  }

  send(request) {
    this.isIdle = false;
    this.sentAt = performance.now();
    this.socket.write(request);
    return 1;
  }

  async sendUntil(deadline, ring) {
    await this.sendWhile(() => (performance.now() < deadline ? ring.next() : undefined));
  }

  async sendAll(queue) {
    await this.sendWhile(() => queue.next().value);
  }

  sendWhile(next) {
    return new Promise((resolve) => {
      this.onAnswer = () => {
        const request = next();
        if (request === undefined) resolve();
        else this.send(request);
      };
      this.onAnswer();
    });
  }

  received(length, buffer) {
    const status = buffer.latin1Slice(9, 12);
    if (this.pending === '' && this.lengths.get(status) === length) return this.answered(status);
    this.pending += buffer.latin1Slice(0, length);
    const end = this.pending.indexOf('\r\n\r\n');
    if (end < 0) return true;
    const body = Number(LENGTH.exec(this.pending)?.[1] ?? 0);
    if (this.pending.length < end + 4 + body) return true;
    const first = this.pending.slice(9, 12);
    this.lengths.set(first, this.pending.length);
    this.pending = '';
    return this.answered(first);
  }

  answered(status) {
    this.results.add(status, performance.now() - this.sentAt);
    this.isIdle = true;
    this.onAnswer?.();
    return true;
  }

  close() {
    this.socket.destroy();
  }
}
