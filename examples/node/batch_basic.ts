// One batch of ten videos, from the order to the reconciled ledger, with nothing but Node's own fetch.
//
//   export SORA2_API_KEY=ek_…
//   export SORA2_BASE_URL=https://…        the platform that gave you the key
//   npx ts-node batch_basic.ts [request_id]
//
// SORA2_WEBHOOK_URL, when set, is told when this batch ends. The exit code is 0 when every number fits.

import { createHash, randomUUID } from "node:crypto";

const BASE_URL = (process.env.SORA2_BASE_URL ?? "http://127.0.0.1:8000").replace(/\/+$/, "");
const API_KEY = process.env.SORA2_API_KEY ?? "";
const WEBHOOK_URL = process.env.SORA2_WEBHOOK_URL ?? null;
const ITEMS = 10;
const POLL_MS = 2_000; // 30 of the 60 requests that a pilot key may send in a minute
const PATIENCE_MS = 20 * 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
const TRIES = 5;

interface Batch {
  batch_id: string;
  status: "pending" | "running" | "completed";
  summary: { total: number; pending: number; running: number; succeeded: number; failed: number };
  ledger: { reserved: number; settled: number; refunded: number; in_flight: number };
}
interface Item {
  position: number;
  status: string;
  failure_reason: string | null;
  metadata: Record<string, unknown>;
  output: { url: string; bytes: number; media_sha256: string } | null;
}
interface LedgerRow {
  entry: string;
  amount: number;
  credits_delta: number;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Call the API. Waits and asks again when it is busy or away: with a request_id that can never order twice. */
async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let wait = 1_000 * 2 ** attempt;
    try {
      const answer = await fetch(BASE_URL + path, {
        method,
        headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      if (answer.ok) return (await answer.json()) as T;
      const text = await answer.text();
      if (attempt === TRIES || (answer.status !== 429 && answer.status < 500)) {
        throw new Refused(`${method} ${path} answered ${answer.status}: ${text}`);
      }
      wait = Number(answer.headers.get("Retry-After") ?? wait / 1_000) * 1_000;
    } catch (error) {
      if (error instanceof Refused || attempt === TRIES) throw error;
    }
    await sleep(wait);
  }
}

class Refused extends Error {}

async function finished(batchId: string): Promise<Batch> {
  const until = Date.now() + PATIENCE_MS;
  let shown = "";
  for (;;) {
    const batch = await call<Batch>("GET", `/v1/batches/${batchId}`);
    const { succeeded, failed, total } = batch.summary;
    const line = `${batch.status}: ${succeeded} finished, ${failed} failed, of ${total}`;
    if (line !== shown) console.log((shown = line));
    if (batch.status === "completed") return batch;
    if (Date.now() > until) throw new Error(`${batchId} is not completed yet; run this again with the same request_id.`);
    await sleep(POLL_MS);
  }
}

async function main(): Promise<void> {
  if (!API_KEY) throw new Error("Set SORA2_API_KEY to the key that you were given.");
  // Your own order number. Sent again with the same items it is still the same batch, paid once.
  const requestId = process.argv[2] ?? `order-${randomUUID()}`;
  const before = await call<{ available: number }>("GET", "/v1/credits/balance");
  console.log(`Balance before: ${before.available} credits`);

  const created = await call<{ batch_id: string }>("POST", "/v1/batches", {
    request_id: requestId,
    webhook_url: WEBHOOK_URL,
    items: Array.from({ length: ITEMS }, (_, index) => ({
      params: { prompt: `A ceramic mug on a wooden table, take ${index + 1}`, aspect: "1:1", seconds: 2 },
      metadata: { sku: `MUG-${index + 1}` },
    })),
  });
  console.log(`Batch ${created.batch_id} for ${requestId}`);
  const batch = await finished(created.batch_id);

  const { items } = await call<{ items: Item[] }>("GET", `/v1/batches/${batch.batch_id}/items?limit=100`);
  for (const item of items) {
    console.log(`  ${item.position} ${JSON.stringify(item.metadata)} ${item.status} ${item.failure_reason ?? ""}`);
  }
  let genuine = true;
  const first = items.find((item) => item.output)?.output;
  if (first) {
    const video = Buffer.from(await (await fetch(first.url)).arrayBuffer());
    genuine = createHash("sha256").update(video).digest("hex") === first.media_sha256;
    console.log(`Downloaded ${video.length} bytes, SHA-256 ${genuine ? "as told ✓" : "differs ✗"}`);
  }

  const ledger = await call<{ rows: LedgerRow[] }>("GET", `/v1/ledger?batch_id=${batch.batch_id}&limit=100`);
  for (const row of ledger.rows) console.log(`  ${row.entry}: ${row.amount}`);
  const sum = ledger.rows.reduce((total, row) => total + row.credits_delta, 0);
  const { reserved, settled, refunded } = batch.ledger;
  const balanced = reserved === settled + refunded && sum === -settled;
  console.log(`${reserved} reserved = ${settled} settled + ${refunded} refunded ${balanced ? "✓" : "✗"}`);
  if (!balanced || !genuine) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
