// A webhook receiver: verifies the signature before it believes anything, and stores the raw body.
//
//   export SORA2_WEBHOOK_SECRET=whsec_…    of the endpoint, or GET /v1/webhook-secret for a batch's own address
//   npx ts-node webhook_receiver.ts
//
// PORT (9000; 0 takes a free one) and RECEIVED (folder, ./received) may be set. Put it behind https: the platform
// sends to nothing else.

import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";

const PORT = Number(process.env.PORT ?? 9000);
const FOLDER = process.env.RECEIVED ?? "received";
const BODY_MAX_BYTES = 1_000_000;

/** The bytes as they were sent. A body that was parsed and written again no longer has the signed bytes. */
async function rawBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > BODY_MAX_BYTES) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Keep the body once for each webhook-id: a message may arrive twice and must not count twice. */
function store(id: string, body: Buffer): boolean {
  const path = join(FOLDER, `${id}.json`);
  if (existsSync(path)) return false;
  writeFileSync(`${path}.part`, body);
  renameSync(`${path}.part`, path);
  return true;
}

function start(secret: string): void {
  const webhook = new Webhook(secret);
  mkdirSync(FOLDER, { recursive: true });
  const server = createServer(async (request, response) => {
    const end = (status: number) => response.writeHead(status, { Connection: "close" }).end();
    try {
      if (request.method !== "POST") return void end(405);
      const body = await rawBody(request);
      if (body === null) return void end(413);
      const id = String(request.headers["webhook-id"] ?? "");
      try {
        // Checks the signature over `id.timestamp.body`, and that the timestamp is at most five minutes away.
        webhook.verify(body, request.headers as Record<string, string>);
      } catch {
        console.error(`refused ${id || "a request without webhook-id"}: the signature does not fit`);
        return void end(401);
      }
      if (!/^[\w-]{1,100}$/.test(id)) return void end(400);
      const isNew = store(id, body);
      end(200); // first the answer, then the work: an answer that takes longer than 10 seconds counts as none
      const event = JSON.parse(body.toString("utf8")) as { event: string; batch_id?: string };
      console.log(`${isNew ? "stored" : "again"} ${id} ${event.event} ${event.batch_id ?? ""}`);
    } catch (error) {
      console.error(error);
      if (!response.headersSent) end(500);
    }
  });
  server.listen(PORT, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
}

const secret = process.env.SORA2_WEBHOOK_SECRET ?? "";
if (secret) {
  start(secret);
} else {
  console.error("Set SORA2_WEBHOOK_SECRET to the signing secret of your endpoint.");
  process.exitCode = 1;
}
