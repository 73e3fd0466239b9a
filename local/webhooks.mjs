// Verifies, with the reference library for JavaScript, what comes as JSON lines: {secret, headers, body, good}.
// Usage: node local/webhooks.mjs <folder with node_modules> < cases
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { resolve } from "node:path";

const { Webhook } = createRequire(resolve(process.argv[2], "x.js"))("standardwebhooks");
let checked = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body, good } = JSON.parse(line);
  let verified = true;
  try {
    new Webhook(secret).verify(body, headers);
  } catch {
    verified = false;
  }
  if (verified !== good) {
    console.error(`expected ${good ? "a good" : "a bad"} signature: ${body} ${JSON.stringify(headers)}`);
    process.exit(1);
  }
  checked += 1;
}
console.log(checked);
